package integration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// A keysLab is a lab for one cluster without persistence, whose connections the scheduler
// rr assigns to the real servers in turn.
type keysLab struct {
	*traffic
	vip netip.Addr
}

func newKeysLab(t *testing.T, forwarding config.Forwarding, servers int, ports ...int) *keysLab {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "ipvsadm")
	l := lab.New(t, lab.Options{Forwarding: forwarding, RealServers: servers, Families: []config.Family{config.IPv4}})
	return &keysLab{newTraffic(t, l, ports...), lab.VIP(config.IPv4)}
}

// apply applies a spec of one cluster: its further keys, and its real servers.
func (k *keysLab) apply(keys string, servers ...string) {
	k.t.Helper()
	var spec strings.Builder
	spec.WriteString("clusters:\n  - name: c\n    mark: 7\n    vips: [" + k.vip.String() + "]\n    vip-device: wan\n")
	for key := range strings.SplitSeq(keys, "; ") {
		spec.WriteString("    " + key + "\n")
	}
	if !strings.Contains(keys, "scheduler:") {
		spec.WriteString("    scheduler: rr\n")
	}
	if !strings.Contains(keys, "persistence:") {
		spec.WriteString("    persistence: 0\n")
	}
	spec.WriteString("    real-servers:\n")
	for i, s := range servers {
		fmt.Fprintf(&spec, "      - {address: 10.0.0.%d%s}\n", 11+i, s)
	}
	require.NoError(k.t, k.lab.Apply(spec.String()), spec.String())
}

// reached opens connections and returns how many each real server has.
func (k *keysLab) reached(network string, port, n int) map[string]int {
	k.t.Helper()
	servers := map[string]int{}
	for range n {
		s := k.dial(network, k.lab.Client, netip.AddrPortFrom(k.client(), 0), netip.AddrPortFrom(k.vip, uint16(port)), successTimeout)
		require.NotNil(k.t, s, "%s port %d: %v so far", network, port, servers)
		servers[s.server]++
	}
	return servers
}

func (k *keysLab) director(command ...string) string {
	k.t.Helper()
	output, err := k.lab.Director.Run(command[0], command[1:]...)
	require.NoError(k.t, err)
	return output
}

// isRestorable compares the services that apply has made with those that ipvsadm makes of
// `lvsmark render ipvsadm`: not their numbers of connections, because some may expire meanwhile.
func (k *keysLab) isRestorable() {
	k.t.Helper()
	listed := func() string {
		var text strings.Builder
		text.WriteString(k.director("sh", "-c", "ipvsadm -Sn | sort"))
		for line := range strings.Lines(k.director("ipvsadm", "-Ln", "--thresholds")) {
			if words := strings.Fields(line); len(words) > 4 && words[0] == "->" {
				line = strings.Join(words[:4], " ") + "\n" // address and thresholds
			}
			text.WriteString(line)
		}
		return text.String()
	}
	applied := listed()
	text, err := k.lab.Lvsmark("render", "ipvsadm")
	require.NoError(k.t, err)
	k.director("ipvsadm", "-C")
	_, err = k.lab.Director.RunInput(text.Text, "ipvsadm", "-R")
	require.NoError(k.t, err, text.Text)
	assert.Equal(k.t, applied, listed())
}

// TestServerPort has real servers on other ports than the VIP.
func TestServerPort(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 8080, 80)
	k.listen(k.lab.Servers[1].Host, 8443)
	k.apply("ports: [80, udp/80]", ", port: 8080", ", port: 8443")
	assert.Equal(t, map[string]int{"rs1": 2, "rs2": 2}, k.reached("tcp4", 80, 4))
	connections := k.director("ipvsadm", "-Lcn")
	assert.Contains(t, connections, "10.0.0.11:8080")
	assert.Contains(t, connections, "10.0.0.12:8443")
	assert.Equal(t, map[string]int{"rs1": 1, "rs2": 1}, k.reached("udp4", 80, 2))
	k.isRestorable()

	// In a persistent service of a mark, the kernel keeps the client's port.
	k.director("sh", "-c", "ipvsadm -E -f 7 -s rr -p 60")
	k.reached("tcp4", 80, 1)
	assert.Regexp(t, `10\.0\.0\.1[12]:80\b`, k.director("ipvsadm", "-Lcn"), "lvsmark check refuses a port with persistence")
}

// TestThresholds: a real server gets no more connections than its threshold.
func TestThresholds(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 80)
	k.apply("ports: [80]", ", upper-threshold: 2, lower-threshold: 1", "")
	assert.Regexp(t, `10\.0\.0\.11:0 +2 +1 `, k.director("ipvsadm", "-Ln", "--thresholds"))
	assert.Equal(t, map[string]int{"rs1": 2, "rs2": 6}, k.reached("tcp4", 80, 8))
	k.isRestorable()
}

// TestMixedForwarding has a real server of each method in one cluster. With nat, the real
// server answers through the director.
func TestMixedForwarding(t *testing.T) {
	k := newKeysLab(t, config.Tunnel, 3, 80)
	answerThroughDirector(t, k.lab, k.lab.Servers[0])
	k.apply("ports: [80]", "", ", forwarding: direct", ", forwarding: tunnel")
	assert.Equal(t, map[string]int{"rs1": 2, "rs2": 2, "rs3": 2}, k.reached("tcp4", 80, 6))
	assert.Equal(t, "1", strings.TrimSpace(k.director("sysctl", "-n", "net.ipv4.ip_forward")))
	k.isRestorable()
}

// manyPorts connections of one client, hashed by their ports, all reach one of two real servers once
// in 2⁶³ runs.
const manyPorts = 64

// TestSchedulerFlags: with sh-port, connections of one client reach both real servers.
func TestSchedulerFlags(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 80)
	client := k.client()
	servers := func(connections int) int {
		reached := map[string]bool{}
		for n := 0; n < connections && len(reached) < 2; n++ {
			reached[k.mustConnect(k.vip, 80, client).server] = true
		}
		return len(reached)
	}
	k.apply("ports: [80]; scheduler: sh", "", "")
	assert.Equal(t, 1, servers(16))
	k.apply("ports: [80]; scheduler: sh; scheduler-flags: [sh-port, sh-fallback]", "", "")
	assert.Equal(t, 2, servers(manyPorts))
	assert.Contains(t, k.director("ipvsadm", "-Sn"), "sh-fallback,sh-port")
	k.isRestorable()
	k.apply("ports: [80]; scheduler: mh; scheduler-flags: [mh-port, mh-fallback]", "", "")
	assert.Contains(t, k.director("ipvsadm", "-Sn"), "mh-fallback,mh-port")
	k.isRestorable()
}
