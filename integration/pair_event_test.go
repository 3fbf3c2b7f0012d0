package integration_test

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// An event happens to the active director while sessions are under way, and is mended when they
// have ended. It may need a preparation before they begin.
type event struct {
	name                  string
	prepare, happen, mend func(p *pair, active int)
}

// failBack needs a pair without preempt: the director that returns is the backup until the other
// one gives the VIPs up.
const failBack = "fail-back"

func events() []event {
	return []event{
		{"killed", nil, func(p *pair, i int) {
			p.port(i, false)
			require.NoError(p.t, p.hosts[i].Kill())
		}, func(p *pair, i int) {
			p.removeVIPs(i) // a machine that boots has none
			p.port(i, true)
			p.start(i)
		}},
		{"cut off", nil, func(p *pair, i int) { p.port(i, false) }, func(p *pair, i int) { p.port(i, true) }},
		{"device down", nil, func(p *pair, i int) { p.link(i, "down") }, func(p *pair, i int) { p.link(i, "up") }},
		{"rebooted", nil, func(p *pair, i int) {
			require.NoError(p.t, p.daemon[i].Terminate())
			p.lvsmark(i, "delete")
		}, (*pair).start},
		{failBack, func(p *pair, i int) {
			require.NoError(p.t, p.daemon[i].Terminate())
			p.await("the other director has the VIPs", func() bool { return p.hasVIPs(1 - i) })
			p.start(i)
		}, func(p *pair, i int) { require.NoError(p.t, p.daemon[i].Terminate()) }, (*pair).start},
	}
}

// port connects a director to the client network, or cuts it off; the device of the director
// stays up.
func (p *pair) port(i int, connected bool) {
	p.t.Helper()
	bridge := map[bool][]string{true: {"master", lab.ClientDevice}, false: {"nomaster"}}[connected]
	_, err := p.Client.Run("ip", append([]string{"link", "set", p.hosts[i].Port()}, bridge...)...)
	require.NoError(p.t, err)
}

// link sets the state of the device with the VIPs. The kernel removes IPv6 addresses of a device
// that is down.
func (p *pair) link(i int, state string) {
	p.t.Helper()
	_, err := p.hosts[i].Run("ip", "link", "set", lab.OutgoingDevice, state)
	require.NoError(p.t, err)
	if state == "up" {
		_, err = p.hosts[i].Run("ip", "address", "replace", lab.Outside(config.IPv6, i+1).String()+"/64", "dev", lab.OutgoingDevice, "nodad")
		require.NoError(p.t, err)
	}
}

func (p *pair) removeVIPs(i int) {
	p.t.Helper()
	for _, f := range config.Families() {
		_, _ = p.hosts[i].Run("ip", "address", "del", lab.VIP(f).String()+"/"+strconv.Itoa(f.Bits()), "dev", lab.OutgoingDevice)
	}
}

// awaitSync waits until a director has received the control connection and a data connection of
// each client, which takes the kernel two seconds at most after the third packet of each, or until a
// session ends. The kernel keeps those of earlier clients.
func (p *pair) awaitSync(i int, running *lab.Running) {
	p.t.Helper()
	clients := running.Clients()
	p.await("the connections are synchronized", func() bool {
		out, err := p.hosts[i].Run("ipvsadm", "-Lnc")
		require.NoError(p.t, err)
		control, data := p.established(out)
		return running.Ended() || !slices.ContainsFunc(clients, func(c netip.Addr) bool { return !control[c] || !data[c] })
	})
}

// established returns the clients of control connections and of data connections in the output
// of `ipvsadm -Lnc`: "TCP 14:58  ESTABLISHED 198.51.100.101:40000 198.51.100.21:21 10.0.0.11:21".
func (p *pair) established(out string) (control, data map[netip.Addr]bool) {
	control, data = map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) < 6 || words[2] != "ESTABLISHED" {
			continue
		}
		from, err := netip.ParseAddrPort(words[3])
		require.NoError(p.t, err, line)
		to, err := netip.ParseAddrPort(words[4])
		require.NoError(p.t, err, line)
		if to.Port() == 21 {
			control[from.Addr()] = true
		} else {
			data[from.Addr()] = true
		}
	}
	return control, data
}

// rounds is the number of rounds of each event: 2, or $LVSMARK_PAIR_ROUNDS.
func rounds(t *testing.T) int {
	text := os.Getenv("LVSMARK_PAIR_ROUNDS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// TestPair: with synchronized connections, no session is lost when the other director takes
// over, in both ways of working. A director that returns stays the backup. The short form has fewer events where keepalived owns IPVS.
func TestPair(t *testing.T) {
	for _, bind := range []bool{true, false} {
		t.Run(map[bool]string{true: "lvsmark owns IPVS", false: "keepalived owns IPVS"}[bind], func(t *testing.T) {
			list := events()
			if testing.Short() && !bind {
				list = slices.DeleteFunc(list, func(e event) bool { return e.name != "killed" && e.name != failBack })
			}
			runEvents(t, list, func(t *testing.T) *pair { return newPair(t, pairSettings{bind: bind, sync: true}) })
		})
	}
}

// TestPairWithShards: no session of a cluster with passive shards is lost either. The short form
// has a take-over and a fail-back.
func TestPairWithShards(t *testing.T) {
	list := events()
	if testing.Short() {
		list = slices.DeleteFunc(list, func(e event) bool { return e.name != "killed" && e.name != failBack })
	}
	runEvents(t, list, func(t *testing.T) *pair { return newPair(t, pairSettings{bind: true, sync: true, sharded: true}) })
}

// TestPairWithoutSync is the control: without sync the other director does not know the
// connections. With preempt, the first director takes the VIPs back when it returns. The short
// form has one event.
func TestPairWithoutSync(t *testing.T) {
	list := slices.DeleteFunc(events(), func(e event) bool { return e.name == failBack })
	if testing.Short() {
		list = list[:1]
	}
	runEvents(t, list, func(t *testing.T) *pair { return newPair(t, pairSettings{bind: true, preempt: true}) })
}

// runEvents has the rounds of each event. With many rounds, each event has a pair of its own,
// because a lab has 150 client addresses.
func runEvents(t *testing.T, list []event, open func(*testing.T) *pair) {
	if rounds(t)*len(list)*len(sessionsOfRound()) > 100 {
		for _, e := range list {
			t.Run(e.name, func(t *testing.T) { open(t).repeat(e) })
		}
		return
	}
	p := open(t)
	for _, e := range list {
		p.repeat(e)
	}
	p.assertNotified()
}

// repeat has the rounds of an event, and logs what they were together.
func (p *pair) repeat(e event) {
	p.t.Helper()
	var pauses []float64
	var allLost, allSessions int
	for round := range rounds(p.t) {
		pause, lost, all := p.run(e)
		p.t.Logf("%s, round %d: new sessions after %.1f s, %d of %d sessions lost", e.name, round+1, pause.Seconds(), lost, all)
		assert.Equal(p.t, !p.sync, lost > 0, e.name)
		pauses = append(pauses, pause.Seconds())
		allLost, allSessions = allLost+lost, allSessions+all
	}
	slices.Sort(pauses)
	p.t.Logf("%s: %d rounds: new sessions after %.1f to %.1f s, median %.1f s; %d of %d sessions lost",
		e.name, len(pauses), pauses[0], pauses[len(pauses)-1], pauses[len(pauses)/2], allLost, allSessions)
}

// assertNotified: keepalived has run `lvsmark apply` on the new master, which had nothing to
// change.
func (p *pair) assertNotified() {
	p.t.Helper()
	for i := range p.hosts {
		text, err := os.ReadFile(p.file(i, "notified"))
		if assert.NoError(p.t, err) {
			assert.NotContains(p.t, string(text), "lvsmark:", "an error")
			assert.Contains(p.t, string(text), "nothing to do\n")
		}
	}
}
