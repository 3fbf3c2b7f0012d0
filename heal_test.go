package lvsmark

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// TestHeal changes lvsmark's objects with ipvsadm, sysctl, ip and nft. Plan finds exactly
// the change, apply reverts it, and objects of other programs stay. For nftables see also
// TestHeal of package nft.
func TestHeal(t *testing.T) {
	const service = "service fwmark 21 IPv4"
	whole := newIPVSWorld(t)
	spec := parse(t, boundSpec)
	whole.apply(spec)
	for _, c := range []struct {
		name, by string
		heals    []string
	}{
		{"real server's weight changed", "ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 7", []string{
			`edit real-server in "` + service + `": "10.0.0.11:0 -m -w 7" -> "10.0.0.11:0 -m -w 1"`,
		}},
		{"forwarding method changed", "ipvsadm -e -f 21 -r 10.0.0.11:0 -g -w 1", []string{
			`edit real-server in "` + service + `": "10.0.0.11:0 -g -w 1" -> "10.0.0.11:0 -m -w 1"`,
		}},
		{"real server removed", "ipvsadm -d -f 21 -r 10.0.0.12:0", []string{
			`add real-server in "` + service + `": "" -> "10.0.0.12:0 -m -w 1"`,
		}},
		{"real server added", "ipvsadm -a -f 21 -r 10.0.0.13:0 -m -w 2", []string{
			`delete real-server in "` + service + `": "10.0.0.13:0 -m -w 2" -> ""`,
		}},
		{"scheduler changed", "ipvsadm -E -f 21 -s rr -p 300", []string{
			`edit service in "": "-f 21 -s rr -p 300" -> "-f 21 -s wlc -p 300"`,
		}},
		{"persistence removed", "ipvsadm -E -f 21 -s wlc", []string{
			`edit service in "": "-f 21 -s wlc" -> "-f 21 -s wlc -p 300"`,
		}},
		{"service deleted", "ipvsadm -D -f 21", []string{
			`add service in "": "" -> "-f 21 -s wlc -p 300"`,
			`add real-server in "` + service + `": "" -> "10.0.0.11:0 -m -w 1"`,
			`add real-server in "` + service + `": "" -> "10.0.0.12:0 -m -w 1"`,
		}},
		{"sysctl changed", "sysctl -qw net.ipv4.vs.expire_nodest_conn=0", []string{
			`edit setting in "": "net.ipv4.vs.expire_nodest_conn = 0" -> "net.ipv4.vs.expire_nodest_conn = 1"`,
		}},
		{"forwarding turned off", "sysctl -qw net.ipv4.ip_forward=0", []string{
			`edit setting in "": "net.ipv4.ip_forward = 0" -> "net.ipv4.ip_forward = 1"`,
		}},
		{"timeout changed", "ipvsadm --set 100 0 0", []string{
			`edit setting in "": "ipvs.timeout.tcp = 100" -> "ipvs.timeout.tcp = 7200"`,
		}},
		{"sync daemon stopped", "ipvsadm --stop-daemon master", []string{
			`edit setting in "": "ipvs.sync.master = off" -> "ipvs.sync.master = vip0 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"`,
		}},
		{"sync daemon changed", "ipvsadm --stop-daemon backup; ipvsadm --start-daemon backup --mcast-interface vip1 --syncid 3", []string{
			`edit setting in "": "ipvs.sync.backup = vip1 id 3 maxlen 1472 group 224.0.0.81 port 8848 ttl 1" -> "ipvs.sync.backup = vip0 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"`,
		}},
		{"VIP address removed", "ip address del 198.51.100.21/32 dev vip0", []string{
			`add address in "device vip0": "" -> "198.51.100.21"`,
		}},
		{"mark changed", "nft delete element ip lvsmark tcp_21_10000-20000 { 198.51.100.21 }; nft add element ip lvsmark tcp_21_10000-20000 { 198.51.100.21 : 22 }", []string{
			`edit element in "map ip lvsmark tcp_21_10000-20000": "198.51.100.21 : 0x00000016" -> "198.51.100.21 : 0x00000015"`,
		}},
		{"foreign table added", "nft add table ip another", nil},
		{"foreign service added", "ipvsadm -A -f 4000 -s rr", nil},
	} {
		t.Run(c.name, func(t *testing.T) { (&world{t, whole.ns}).heals(spec, c.by, c.heals) })
	}
}

// heals executes a command, and checks that plan and apply revert exactly these changes.
func (w *world) heals(spec *config.Spec, by string, want []string) {
	w.t.Helper()
	before := w.state()
	w.run("sh", "-ec", by)
	if want == nil {
		before = w.state() // changes of other objects stay
	}
	assert.Equal(w.t, want, lines(w.plan(spec).Changes()))
	assert.Equal(w.t, want, lines(w.apply(spec).Changes()))
	assert.Equal(w.t, before, w.state())
	assert.Empty(w.t, w.plan(spec).Changes())
}

func lines(changes []Change) []string {
	var list []string
	for _, c := range changes {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s in %q: %q -> %q", c.Op, c.Kind, c.Where, c.Before, c.After)))
	}
	return list
}

// TestSyncPutBack: apply takes a sync daemon of another program over, and delete puts it back.
func TestSyncPutBack(t *testing.T) {
	w := newIPVSWorld(t)
	w.run("ipvsadm", "--start-daemon", "master", "--mcast-interface", "vip1", "--syncid", "9")
	before := w.state()
	_, err := applySpec(t.Context(), parse(t, boundSpec), w.options())
	require.ErrorIs(t, err, ErrForeignSync)
	assert.Equal(t, before, w.state())

	_, err = applySpec(t.Context(), parse(t, boundSpec), Options{NetNS: w.ns, Adopt: true})
	require.NoError(t, err)
	daemons := w.run("ipvsadm", "-L", "--daemon")
	assert.Contains(t, daemons, "master sync daemon (mcast=vip0, syncid=1,")
	assert.Contains(t, daemons, "backup sync daemon (mcast=vip0, syncid=1,")
	w.remove()
	assert.Equal(t, before, w.state())
}
