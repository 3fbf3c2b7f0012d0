package moving_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
)

// TestLive applies random specs and imports the kernel: the imported spec has no difference
// from the kernel.
func TestLive(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "vsftpd", "curl", "lftp", "nft")
	l := lab.New(t, lab.Options{})
	compared := 0
	for seed := uint64(0); compared < 12; seed++ {
		spec := plain(specgen.Spec(rand.New(rand.NewPCG(seed, 2))))
		if spec == nil {
			continue
		}
		compared++
		text := specgen.YAML(spec)
		require.NoError(t, os.WriteFile(filepath.Join(l.Dir, "spec.yaml"), []byte(text), 0o644))
		lvsmark(t, l, "-c", "spec.yaml", "apply")
		imported := lvsmark(t, l, "import", "--live")
		require.NoError(t, os.WriteFile(filepath.Join(l.Dir, "imported.yaml"), []byte(imported), 0o644))
		assert.Equal(t, "no difference\n", lvsmark(t, l, "-c", "imported.yaml", "diff"), "seed %d: %s\n%s", seed, imported, text)
		lvsmark(t, l, "delete")
	}
}

// TestLiveAddresses reads services without a mark from the kernel, with what ipvsadm -S does
// not print.
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
      - {address: 10.0.0.11, port: 8080, weight: 3, upper-threshold: 100, lower-threshold: 50}  # service tcp 198.51.100.80:80
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

// plain returns the spec without what the kernel does not show; nil if it shows too little.
func plain(spec *config.Spec) *config.Spec {
	spec.Director.Table, spec.Director.Bind, spec.Director.Timeouts, spec.Director.Sysctls = config.DefaultTable, true, config.Timeouts{}, nil
	spec.Director.IPForward, spec.Director.Sync = false, nil
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		c.VIPDevice = ""
		spec.Director.IPForward = spec.Director.IPForward || c.Forwards(config.NAT)
		if c.FTP == nil {
			if slices.ContainsFunc(c.Ports, isControl) {
				return nil // import takes it for FTP
			}
			continue
		}
		if c.Sharded() {
			return nil // import counts shards from the lowest mark, and knows one control port
		}
		if !slices.Contains(c.FTP.ControlPorts, 21) && !slices.Contains(c.FTP.ControlPorts, 990) {
			return nil // rules do not tell it from other services
		}
		if c.FTP.Active != nil {
			c.FTP.Active.Translate = config.NoTranslation // clusters may share real servers
			c.FTP.Active.Ports = []uint16{20}             // others look like control ports
		}
	}
	return specgen.Check(spec)
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
