package integration_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// A syncLab has a director that sends its connections, and a second one that receives them.
type syncLab struct {
	*traffic
	hosts [2]*lab.Host
}

const syncPort = 80

func newSyncLab(t *testing.T) *syncLab {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "ipvsadm")
	l := lab.New(t, lab.Options{Forwarding: config.Direct, Families: []config.Family{config.IPv4}})
	second, err := l.AddDirector(2)
	require.NoError(t, err)
	return &syncLab{newTraffic(t, l, syncPort), [2]*lab.Host{l.Director, second}}
}

// apply applies a spec with the sync on a director; empty: none. Only the first one has the
// VIP. It returns the impact of each changed daemon, as "backup: safe: …".
func (s *syncLab) apply(director int, sync string) (changes []string) {
	s.t.Helper()
	output, err := s.lvsmark(director, sync, "-o", "json", "apply")
	require.NoError(s.t, err)
	var document struct{ Changes []lvsmark.Change }
	require.NoError(s.t, json.Unmarshal([]byte(output), &document), output)
	for _, c := range document.Changes {
		if _, daemon, ok := strings.Cut(c.After, "ipvs.sync."); ok && c.Kind == "setting" {
			name, _, _ := strings.Cut(daemon, " ")
			changes = append(changes, name+": "+c.Impact.String())
		} else {
			assert.Equal(s.t, impact.Safe, c.Impact.Effect, c)
		}
	}
	return changes
}

// lvsmark runs lvsmark on a director with the spec of apply.
func (s *syncLab) lvsmark(director int, sync string, verb ...string) (string, error) {
	device := []string{"vip-device: wan, ", ""}[director]
	if sync != "" {
		sync = "director: {sync: {" + sync + "}}\n"
	}
	text := fmt.Sprintf("clusters:\n  - {name: web, mark: 80, vips: [%s], %sports: [%d, udp/%[3]d], forwarding: direct, scheduler: rr, persistence: 0, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}\n%s",
		lab.VIP(config.IPv4), device, syncPort, sync)
	return s.hosts[director].RunInput(text, need.Lvsmark(s.t), append([]string{"-c", "-"}, verb...)...)
}

// TestSyncLosesNothing starts, changes and stops sync daemons while a client sends datagrams,
// some of them in new connections: each reaches a real server. The control, a delete and
// another apply, loses some.
func TestSyncLosesNothing(t *testing.T) {
	s := newSyncLab(t)
	s.apply(0, "")
	count := s.countDatagrams()
	stop := s.sendDatagrams()
	all, applies := 0, 0
	for range map[bool]int{true: 1, false: 10}[testing.Short()] {
		for _, sync := range []string{
			"role: both, device: lan, id: 1", "role: both, device: lan, id: 2, maxlen: 1200", "role: both, device: wan, id: 2",
			"role: master, device: wan, id: 2", "role: backup, device: wan, id: 2", "",
		} {
			all++
			before, _ := count()
			require.NotEmpty(t, s.apply(0, sync))
			after, _ := count()
			if after > before {
				applies++
			}
		}
	}
	stop()
	sent, received := count()
	t.Logf("%d datagrams during %d of %d applies, %d received", sent, applies, all, received)
	assert.Greater(t, applies, all/2, "applies during which the client sent")
	require.Eventually(t, func() bool { sent, received = count(); return sent == received }, successTimeout, 20*time.Millisecond, "%d sent, %d received", sent, received)

	stop = s.sendDatagrams()
	_, err := s.hosts[0].Run(need.Lvsmark(t), "delete")
	require.NoError(t, err)
	before, _ := count()
	require.Eventually(t, func() bool { sent, _ := count(); return sent > before }, successTimeout, 20*time.Millisecond)
	s.apply(0, "")
	stop()
	sent, received = count()
	assert.Greater(t, sent, received, "the control must lose datagrams")
}

// sendDatagrams sends datagrams to the VIP until it is stopped: every second one is of a new
// connection.
func (s *syncLab) sendDatagrams() (stop func()) {
	s.t.Helper()
	var ended atomic.Bool
	done := make(chan struct{})
	to := fmt.Sprintf("%s:%d", lab.VIP(config.IPv4), syncPort)
	go func() {
		defer close(done)
		assert.NoError(s.t, s.lab.Client.Do(func() error { return sendUntil(to, &ended) }))
	}()
	return func() { ended.Store(true); <-done }
}

func sendUntil(to string, ended *atomic.Bool) error {
	same, err := net.Dial("udp4", to)
	if err != nil {
		return err
	}
	defer same.Close()
	for !ended.Load() {
		other, err := net.Dial("udp4", to)
		if err != nil {
			return err
		}
		_, _ = same.Write([]byte("x"))
		_, _ = other.Write([]byte("x"))
		_ = other.Close()
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}

// countDatagrams counts what the client has sent to the VIP, and what real servers have
// received.
func (s *syncLab) countDatagrams() func() (sent, received int) {
	s.t.Helper()
	hosts := []*lab.Host{s.lab.Client, s.lab.Servers[0].Host, s.lab.Servers[1].Host}
	for i, h := range hosts {
		hook := map[bool]string{true: "output", false: "prerouting"}[i == 0]
		s.counter(h, hook, fmt.Sprintf("ip daddr %s udp dport %d", lab.VIP(config.IPv4), syncPort))
	}
	return func() (sent, received int) {
		for i := len(hosts) - 1; i > 0; i-- { // the client last: what it sends meanwhile is no loss
			received += s.counted(hosts[i])
		}
		return s.counted(hosts[0]), received
	}
}

// counter counts packets of a host that match.
func (s *syncLab) counter(h *lab.Host, hook, match string) {
	s.t.Helper()
	_, err := h.RunInput(fmt.Sprintf(`table ip counted {
	counter seen { }
	chain c { type filter hook %s priority -400; %s counter name seen; }
}
`, hook, match), "nft", "-f", "-")
	require.NoError(s.t, err)
}

func (s *syncLab) counted(h *lab.Host) int {
	s.t.Helper()
	text, err := h.Run("nft", "list", "counter", "ip", "counted", "seen")
	require.NoError(s.t, err)
	_, text, _ = strings.Cut(text, "seen {")
	_, text, _ = strings.Cut(text, "packets ")
	digits, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	require.NoError(s.t, err, text)
	return n
}

// TestImpactOfSync changes the daemons of two directors: connections continue, and the other
// director receives new ones exactly if the plan does not say otherwise.
func TestImpactOfSync(t *testing.T) {
	s := newSyncLab(t)
	s.counter(s.hosts[1], "prerouting", "udp dport 8848")
	const restarted = "safe: the daemon is restarted: what is sent meanwhile is lost, until the connections are sent again"
	assert.Equal(t, []string{"backup: safe"}, s.apply(1, "role: backup, device: lan, id: 1"))
	assert.Equal(t, []string{"master: safe"}, s.apply(0, "role: master, device: lan, id: 1"))
	first := s.mustConnect(lab.VIP(config.IPv4), syncPort, s.client())
	s.isReceived(true)
	for _, c := range []struct {
		director int
		sync     string
		want     string
		received bool
	}{
		{0, "role: master, device: lan, id: 1, maxlen: 1200", "master: " + restarted, true},
		{0, "role: master, device: lan, id: 2", "master: " + restarted + "; a backup with id 1 ignores it: set id 2 on the other director too; messages have up to 1472 bytes: a backup with a smaller maxlen drops larger ones", false},
		{1, "role: backup, device: lan, id: 2", "backup: " + restarted + "; only connections of masters with id 2 are received", true},
		{0, "role: master, device: wan, id: 2", "master: " + restarted + "; it is sent to 224.0.0.81 port 8848 on wan: the other director must receive there", false},
		{1, "role: backup, device: wan, id: 0", "backup: " + restarted + "; connections of masters with any id are received; only what is sent to 224.0.0.81 port 8848 on wan is received", true},
		{1, "role: master, device: wan, id: 2", "backup: safe: connections of the other director are no longer received: new ones end if this one takes over", false},
	} {
		assert.Contains(t, s.apply(c.director, c.sync), c.want)
		assert.True(t, first.isAlive())
		s.isReceived(c.received)
	}
	assert.Equal(t, []string{"master: safe: the other director no longer gets new connections of this one: they end if it takes over"}, s.apply(0, ""))
	assert.True(t, first.isAlive())
}

// isReceived opens connections, and checks whether the second director knows them. Those that it
// must not know have been sent when it has got a message after each of them.
func (s *syncLab) isReceived(want bool) {
	s.t.Helper()
	for range 2 {
		from := s.client()
		before := s.counted(s.hosts[1])
		s.mustConnect(lab.VIP(config.IPv4), syncPort, from)
		known := func() bool { return s.isKnown(from) }
		require.Eventually(s.t, func() bool { return s.counted(s.hosts[1]) > before }, successTimeout, 20*time.Millisecond)
		if want {
			require.Eventually(s.t, known, successTimeout, 20*time.Millisecond)
		} else {
			assert.False(s.t, known(), from)
		}
	}
}

// isKnown reports whether the second director has a connection of the client.
func (s *syncLab) isKnown(from netip.Addr) bool {
	s.t.Helper()
	out, err := s.hosts[1].Run("ipvsadm", "-Lnc")
	require.NoError(s.t, err)
	return strings.Contains(out, from.String()+":")
}
