package lvsmark

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/firewall"
)

// newRoutedWorld returns a world with routes to the real servers: without, there is a warning.
func newRoutedWorld(t *testing.T) *world {
	w := newWorld(t)
	for _, args := range []string{"link set lo up", "route add 10.0.0.0/24 dev lo", "-6 route add fd00::/64 dev lo"} {
		w.run(append([]string{"ip"}, strings.Fields(args)...)...)
	}
	return w
}

// TestWarnings: rules of other programs cause warnings, and apply succeeds.
func TestWarnings(t *testing.T) {
	w := newRoutedWorld(t) // its foreign rule sets the mark 7
	w.nft("add table inet lvsmark; add chain inet lvsmark early { type filter hook prerouting priority raw; }; add rule inet lvsmark early tcp dport 21 drop")
	before := w.state()
	spec := parse(t, unboundSpec)
	want := []string{
		"table inet lvsmark, chain early, rule handle 4 (tcp dport 21 drop): will drop packets to 198.51.100.21 (ports 21); packets to 2001:db8::21 (ports 21); accept packets to the VIPs before it",
		"table ip filter, chain prerouting, rule handle 3 (meta mark set 0x00000007): will set the mark of packets to 198.51.100.21 (ports 21, 10000-20000), unless it runs before lvsmark's chain, which has the same priority (the chain created last runs first); IPVS compares all 32 bits of the mark: exclude packets to the VIPs from that rule",
	}
	assert.Equal(t, want, w.plan(spec).Warnings())
	assert.Equal(t, want, w.apply(spec).Warnings())
	assert.Equal(t, want, w.apply(spec).Warnings(), "nothing to do")
	assert.Empty(t, w.remove().Warnings())
	assert.Equal(t, before, w.state())
}

// TestWarningsUnreadable: an error of reading other tables is a warning.
func TestWarningsUnreadable(t *testing.T) {
	w := newRoutedWorld(t)
	w.inEngine(w.options(), func(e *engine) error {
		// This affects the current thread only, which ends with this function.
		none := [2]unix.CapUserData{}
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			return err
		}
		warnings := e.Warnings(parse(t, unboundSpec))
		if assert.Len(t, warnings, 1) {
			assert.Contains(t, warnings[0], "tables of other programs could not be checked: ")
			assert.Contains(t, warnings[0], unix.EPERM.Error())
		}
		return nil
	})
}

// TestWarningsLegacy: there is a warning if iptables-legacy has rules, not if its empty
// tables were only listed.
func TestWarningsLegacy(t *testing.T) {
	w := newRoutedWorld(t)
	if out, err := exec.Command("ip", "netns", "exec", w.ns, "iptables-legacy", "-t", "mangle", "-L").CombinedOutput(); err != nil {
		t.Skipf("needs iptables-legacy: %s", out)
	}
	w.nft("flush ruleset")
	spec := parse(t, unboundSpec)
	assert.Empty(t, w.plan(spec).Warnings())
	w.run("iptables-legacy", "-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-mark", "7")
	w.run("iptables-legacy", "-A", "INPUT", "-j", "ACCEPT")
	w.run("ip6tables-legacy", "-t", "raw", "-A", "PREROUTING", "-j", "DROP")
	warnings := w.plan(spec).Warnings()
	require.Len(t, warnings, 2)
	assert.Regexp(t, "^iptables-legacy has rules \\(table (filter, mangle|mangle, filter)\\), which lvsmark does not read: `iptables-legacy-save` shows ", warnings[0])
	assert.Contains(t, warnings[1], "ip6tables-legacy has rules (table raw)")
	w.run("iptables-legacy", "-t", "mangle", "-F")
	w.run("iptables-legacy", "-F")
	assert.Equal(t, warnings[1:], w.plan(spec).Warnings())
}

// TestWarningsWayBack: there are warnings about replies and active data, and about settings
// of the host.
func TestWarningsWayBack(t *testing.T) {
	w := newWorld(t)
	w.nft("flush ruleset; add table ip f; add chain ip f c { type filter hook forward priority 0; }; add rule ip f c tcp sport 20 drop")
	w.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
	for _, args := range []string{"link add wan.0 type veth peer name client", "link set client up", "link set wan.0 up"} {
		w.run(append([]string{"ip"}, strings.Fields(args)...)...)
	}
	w.run("sysctl", "-qw", "net.ipv4.conf.wan/0.forwarding=0")
	scratch.SettleBy(t, w.run)
	spec := parse(t, "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false}\n")
	want := []string{
		"table ip f, chain c, rule handle 2 (tcp sport 20 drop): will drop active data from 10.0.0.11 (ports 20); accept them before it, for example with `ip saddr 10.0.0.11 accept`",
		"the kernel does not forward packets from wan.0, although net.ipv4.ip_forward is 1, and drops answers of clients to active data that arrive there; `sysctl -w net.ipv4.conf.wan/0.forwarding=1`",
		"the director does not have the address 198.51.100.21 (VIP of ftp), so IPVS does not get the packets; set vip-device, or give the director the address; if another director has it now, this is right",
		"there is no route to real server 10.0.0.11 of cluster ftp: network is unreachable; `ip route add 10.0.0.11 via ROUTER`",
	}
	assert.Equal(t, want, w.plan(spec).Warnings())
	assert.Equal(t, want, w.apply(spec).Warnings())
}

// TestWarningsOfMasquerade: with masquerade, active data has the address of the default route.
func TestWarningsOfMasquerade(t *testing.T) {
	w := newWorld(t)
	w.nft("flush ruleset; add table ip f; add chain ip f c { type filter hook prerouting priority raw; }; add rule ip f c ip daddr 192.0.2.1 tcp dport != 22 drop")
	w.run("ip", "address", "add", "198.51.100.21/32", "dev", "vip0")
	w.run("ip", "route", "add", "default", "via", "192.0.2.9")
	spec := parse(t, "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false}\n")
	assert.Equal(t, []string{
		"table ip f, chain c, rule handle 2 (ip daddr 192.0.2.1 tcp dport != 22 drop): will drop answers of clients to active data from 192.0.2.1 (ports 20); accept them before it, for example with `ip daddr 192.0.2.1 tcp dport 20 accept`",
	}, w.plan(spec).Warnings())
}

// TestWarningsOfClientNetworks: active data to a network beside that of the default route has
// another address. Whether clients are there is not known.
func TestWarningsOfClientNetworks(t *testing.T) {
	w := newWorld(t)
	w.nft("flush ruleset; add table ip f; add chain ip f c { type filter hook prerouting priority raw; }; add rule ip f c ip daddr { 192.0.2.1, 192.168.5.1 } tcp dport != 22 drop")
	for _, args := range []string{
		"address add 198.51.100.21/32 dev vip0", "route add default via 192.0.2.9",
		"link add dmz type veth peer name office", "link set office up", "link set dmz up", "address add 192.168.5.1/24 dev dmz",
	} {
		w.run(append([]string{"ip"}, strings.Fields(args)...)...)
	}
	scratch.SettleBy(t, w.run)
	const (
		rule     = "table ip f, chain c, rule handle 3 (ip daddr { 192.0.2.1, 192.168.5.1 } tcp dport != 22 drop): "
		certain  = rule + "will drop answers of clients to active data from 192.0.2.1 (ports 20); accept them before it, for example with `ip daddr 192.0.2.1 tcp dport 20 accept`"
		possible = rule + "may drop answers of clients to active data from 192.168.5.1 (ports 20), depending on where clients are; accept them before it, for example with `ip daddr 192.168.5.1 tcp dport 20 accept`"
		both     = rule + "may drop answers of clients to active data from 192.0.2.1 and another address (ports 20), depending on where clients are; accept them before it, for example with `ip daddr 192.0.2.1 tcp dport 20 accept`"
	)
	for only, want := range map[string][]string{
		"":                                 {certain, possible},
		"only: {devices: [vip0]}, ":        {certain},
		"only: {devices: [dmz]}, ":         {both},
		"only: {sources: [10.1.0.0/16]}, ": {certain},
	} {
		spec := parse(t, "clusters: [{name: ftp, mark: 21, "+only+"vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false}\n")
		assert.Equal(t, want, w.plan(spec).Warnings(), only)
	}
}

// TestTracking: a sysctl of the spec counts before the kernel's value.
func TestTracking(t *testing.T) {
	spec := parse(t, unboundSpec)
	spec.Director.Sysctls = []config.Sysctl{{Name: "net.ipv4.vs.conntrack", Value: "1"}, {Name: "net.netfilter.nf_conntrack_tcp_loose", Value: "0"}}
	assert.Equal(t, firewall.Tracking{IPVS: true, Strict: true}, tracking(spec))
	spec.Director.Sysctls = []config.Sysctl{{Name: "net.ipv4.vs.conntrack", Value: "0"}, {Name: "net.netfilter.nf_conntrack_tcp_loose", Value: "1"}}
	assert.Equal(t, firewall.Tracking{}, tracking(spec))
}
