package moving_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
)

// TestLive applies random specs of all keys and imports the kernel: the imported spec has no
// difference from it. Of two clusters with all VIPs in common, rules have only one: such specs
// are left out, and those in which rules do not tell whose active data they translate.
func TestLive(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "vsftpd", "curl", "lftp", "nft")
	l := lab.New(t, lab.Options{})
	counts, wanted := map[string]int{}, 20
	if testing.Short() {
		wanted = 10
	}
	for seed := uint64(0); counts["compared"] < wanted; seed++ {
		spec := withSettings(specgen.Spec(rand.New(rand.NewPCG(seed, 2))))
		if spec == nil {
			continue
		}
		text := specgen.YAML(spec)
		require.NoError(t, os.WriteFile(filepath.Join(l.Dir, "spec.yaml"), []byte(text), 0o644))
		lvsmark(t, l, "-c", "spec.yaml", "apply")
		imported := lvsmark(t, l, "import", "--live", "-o", "json")
		var document struct {
			Spec     string
			Findings []struct{ Message string }
		}
		require.NoError(t, json.Unmarshal([]byte(imported), &document))
		if strings.Contains(imported, "no rule sets mark") || strings.Contains(imported, "active data of no cluster") {
			counts["left out"]++
		} else {
			require.NoError(t, os.WriteFile(filepath.Join(l.Dir, "imported.yaml"), []byte(document.Spec), 0o644))
			require.Equal(t, "no difference\n", lvsmark(t, l, "-c", "imported.yaml", "diff"), "seed %d: %s\n%s", seed, document.Spec, text)
			count(counts, spec)
		}
		lvsmark(t, l, "delete")
	}
	t.Log(counts)
	for _, key := range []string{"sync", "shards", "other control ports", "two families", "ports 21 or 990", "device", "timeouts"} {
		assert.Positive(t, counts[key], key)
	}
}

// withSettings returns the spec with settings, and VIPs of some clusters on a device.
func withSettings(spec *config.Spec) *config.Spec {
	spec.Director.Bind = true
	if spec.Clusters[0].Mark%2 == 0 {
		spec.Director.Timeouts = config.Timeouts{TCP: 2 * time.Hour, UDP: time.Minute}
		spec.Director.Sysctls = []config.Sysctl{{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"}}
	}
	for i := range spec.Clusters {
		if c := &spec.Clusters[i]; c.Mark%3 == 0 {
			c.VIPDevice = "lo"
		}
	}
	return specgen.Check(spec)
}

// count counts what the specs have.
func count(counts map[string]int, spec *config.Spec) {
	counts["compared"]++
	add := func(key string, has bool) {
		if has {
			counts[key]++
		}
	}
	add("sync", spec.Director.Sync != nil)
	add("timeouts", spec.Director.Timeouts != config.Timeouts{})
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		add("shards", c.Sharded())
		add("device", c.VIPDevice != "")
		add("two families", c.Serves(config.IPv4) && c.Serves(config.IPv6))
		add("other control ports", c.FTP != nil && !slices.Contains(c.FTP.ControlPorts, 21))
		add("ports 21 or 990", slices.ContainsFunc(c.Ports, isControl))
	}
}

// TestLiveAddresses reads services without a mark from the kernel, with what ipvsadm -S does
// not print. A real server has no port of its own in the spec, as the service has persistence.
func TestLiveAddresses(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "vsftpd", "curl", "lftp", "nft")
	l := lab.New(t, lab.Options{})
	for _, command := range []string{
		"ipvsadm -A -t 198.51.100.80:80 -s wrr -p 60",
		"ipvsadm -a -t 198.51.100.80:80 -r 10.0.0.11:8080 -m -w 3 -x 100 -y 50",
		"ipvsadm -A -u [2001:db8::53]:53 -s rr -o",
		"ipvsadm -a -u [2001:db8::53]:53 -r [fd00::11]:53 -g",
	} {
		_, err := l.Director.Run("sh", "-c", command)
		require.NoError(t, err, command)
	}
	assert.Equal(t, `clusters:
  - name: mark-80
    mark: 80  # new: the service had no mark
    vips: [198.51.100.80]  # service tcp 198.51.100.80:80
    ports: [80]  # service tcp 198.51.100.80:80
    forwarding: nat  # service tcp 198.51.100.80:80
    scheduler: wrr  # service tcp 198.51.100.80:80
    persistence: 1m  # service tcp 198.51.100.80:80
    real-servers:
      - {address: 10.0.0.11, weight: 3, upper-threshold: 100, lower-threshold: 50}  # service tcp 198.51.100.80:80
  - name: mark-53
    mark: 53  # new: the service had no mark
    vips: ["2001:db8::53"]  # service udp [2001:db8::53]:53
    ports: [udp/53]  # service udp [2001:db8::53]:53
    forwarding: direct  # service udp [2001:db8::53]:53
    scheduler: rr  # service udp [2001:db8::53]:53
    one-packet: true  # service udp [2001:db8::53]:53
    persistence: 0  # service udp [2001:db8::53]:53
    real-servers:
      - {address: "fd00::11"}  # service udp [2001:db8::53]:53
`, lvsmark(t, l, "import", "--live"))
}

// isControl reports whether the ports contain a control port of FTP.
func isControl(r config.PortRange) bool {
	contains := func(port uint16) bool { return r.Protocol == config.TCP && r.Low <= port && port <= r.High }
	return contains(21) || contains(990)
}

// lvsmark returns the standard output.
func lvsmark(t *testing.T, l *lab.Lab, arguments ...string) string {
	t.Helper()
	binary, err := l.Binary()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"--netns", l.Director.NetNS}, arguments...)...)
	cmd.Dir = l.Dir
	output, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if failed && exit.ExitCode() > 1 {
		imported, _ := os.ReadFile(filepath.Join(l.Dir, "imported.yaml"))
		require.NoError(t, err, "%v: %s\n%s", arguments, exit.Stderr, imported)
	}
	if !failed {
		require.NoError(t, err, "%v", arguments)
	}
	return string(output)
}
