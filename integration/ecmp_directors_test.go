package integration_test

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// An ecmpSite is a client, a router with an equal-cost route to a VIP over three directors, and
// real servers, which reply through the router.
type ecmpSite struct {
	t              *testing.T
	client, router *equivalence.Namespace
	directors      [3]*equivalence.Namespace
	clients        int // number of addresses of the client in use
}

const (
	ecmpVIP     = "198.51.100.21"
	ecmpServers = 4
	ecmpShard   = 2500 // ports of each of the four shards
)

// An ecmpConfig is what all directors have.
type ecmpConfig struct {
	name, ftp, keys, director string
	sync                      bool
}

func ecmpConfigs() []ecmpConfig {
	const persistent, plain, sync = "forwarding: direct, scheduler: rr, persistence: 5m", ", persistence: 0", "sync: {role: both, device: eth0, id: 1}"
	const sloppy = "sysctls: {net.ipv4.vs.sloppy_tcp: 1}"
	return []ecmpConfig{
		{"`rr`, `persistence`", "", persistent, "", false},
		{"`rr`, `persistence`, `sync`", "", persistent, sync, true},
		{"`mh`", "", "forwarding: direct, scheduler: mh" + plain, "", false},
		{"`mh`, `sloppy_tcp: 1`", "", "forwarding: direct, scheduler: mh" + plain, sloppy, false},
		{"`sh`, `sloppy_tcp: 1`", "", "forwarding: direct, scheduler: sh" + plain, sloppy, false},
		{"`rr`, `passive-shards`", ", passive-shards: 4", "forwarding: direct, scheduler: rr" + plain, "", false},
		{"`rr`, `passive-shards`, `sync`", ", passive-shards: 4", "forwarding: direct, scheduler: rr" + plain, sync, true},
		{"`nat`, `source-nat`, `persistence`, `sync`", ", active-data: {translate: none}", "forwarding: nat, source-nat: masquerade, scheduler: rr, persistence: 5m", sync, true},
	}
}

// TestECMPDirectors has FTP sessions through three directors: a control connection each, and data
// connections to ports of its real server. It prints the share of sessions that a director that
// goes, or comes back, leaves as they were: the control connection works, and the next data
// connection reaches its real server. docs/ecmp.md has the table.
func TestECMPDirectors(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "nft", "sysctl")
	sessions, policies, groups := 40, []int{hashAddresses, hashPorts}, []string{resilientGroup, thresholdGroup}
	if testing.Short() {
		sessions, groups = 24, groups[:1]
	}
	s := newECMPSite(t)
	for _, c := range ecmpConfigs() {
		s.apply(c)
		for _, policy := range policies {
			for i, group := range groups {
				m := s.measure(c, policy, group, sessions)
				t.Logf("| %s | %d | %s | %.0f %% | %.0f %% | %.0f %% |", c.name, policy, []string{"resilient", "threshold"}[i], m.together, m.gone, m.back)
				c.check(t, policy, group, m)
			}
		}
		s.remove()
	}
}

// kept are shares of sessions in percent: those whose first data connection reaches their real
// server, and those that are kept.
type kept struct{ together, gone, back float64 }

// check checks what must hold for each seed of the router's hash. With policy 1, a data connection
// may come before the template of its client.
func (c ecmpConfig) check(t *testing.T, policy int, group string, m kept) {
	t.Helper()
	what := fmt.Sprintf("%s, policy %d%s: %v", c.name, policy, group, m)
	direct, persistent := !strings.HasPrefix(c.keys, "forwarding: nat"), c.isPersistent()
	switch {
	case persistent && policy == hashPorts && c.sync: // the template may be in time
	case persistent && policy == hashPorts:
		assert.Less(t, m.together, 100.0, what)
	case direct && (c.sync || strings.Contains(c.director, "sloppy")):
		assert.Equal(t, kept{100, 100, 100}, m, what)
	default:
		assert.InDelta(t, 100, m.together, 0, what)
		assert.Less(t, m.gone, 100.0, what)
	}
	if group == resilientGroup && policy == hashAddresses {
		assert.InDelta(t, 100, m.back, 0, what)
	}
}

func (c ecmpConfig) isPersistent() bool { return strings.Contains(c.keys, "persistence: 5m") }

// measure opens sessions while all directors are there, and others while the third is not.
func (s *ecmpSite) measure(c ecmpConfig, policy int, group string, n int) (m kept) {
	s.t.Helper()
	id := map[string]int{thresholdGroup: 10, resilientGroup: 11}[group]
	use := func(directors string) {
		commands(s.t, s.router, fmt.Sprintf("ip nexthop replace id %d group %s%s", id, directors, group))
	}
	use("1/2/3")
	commands(s.t, s.router, fmt.Sprintf("sysctl -qw net.ipv4.fib_multipath_hash_policy=%d", policy), fmt.Sprintf("ip route replace %s/32 nhid %d", ecmpVIP, id))
	first := s.open(n)
	for more := 0; more < n && !slices.ContainsFunc(first, s.known(s.directors[2]).has); more++ {
		first = append(first, s.open(1)...) // the hash sends none to the third director once in 17,000 times
	}
	m.together = shareOf(first, s.data)
	s.awaitSync(c, first)
	use("1/2")
	m.gone = shareOf(first, s.isKept)
	second := s.open(n)
	s.awaitSync(c, second)
	use("1/2/3")
	m.back = shareOf(second, s.isKept)
	for _, control := range append(first, second...) {
		_ = control.Close()
	}
	return m
}

func shareOf(sessions []*ecmpSession, met func(*ecmpSession) bool) float64 {
	n := 0
	for _, control := range sessions {
		if met(control) {
			n++
		}
	}
	return 100 * float64(n) / float64(len(sessions))
}

// An ecmpSession is a control connection.
type ecmpSession struct {
	net.Conn
	from        netip.Addr
	server      string
	connections int
}

// open opens control connections, each of another address.
func (s *ecmpSite) open(n int) (sessions []*ecmpSession) {
	s.t.Helper()
	for range n {
		s.clients++
		from := netip.AddrFrom4([4]byte{203, 0, byte(112 + s.clients/250), byte(1 + s.clients%250)})
		conn, err := s.dial(from, 21)
		require.NoError(s.t, err)
		control := &ecmpSession{Conn: conn, from: from, server: ask(conn)}
		require.NotEmpty(s.t, control.server)
		require.Equal(s.t, control.server, ask(conn)) // IPVS sends a connection at its third packet
		sessions = append(sessions, control)
	}
	return sessions
}

func (s *ecmpSite) dial(from netip.Addr, port int) (conn net.Conn, err error) {
	err = s.client.Do(func() (err error) {
		dialer := net.Dialer{Timeout: successTimeout, LocalAddr: &net.TCPAddr{IP: from.AsSlice()}}
		conn, err = dialer.Dial("tcp4", net.JoinHostPort(ecmpVIP, strconv.Itoa(port)))
		return err
	})
	return conn, err
}

// ask returns the name of the real server of a connection; empty: it has ended.
func ask(conn net.Conn) string {
	_ = conn.SetDeadline(time.Now().Add(successTimeout))
	if _, err := fmt.Fprintln(conn, "x"); err != nil {
		return ""
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(line, " ")
	return name
}

// data opens a data connection to a port that the real server of the session chooses in its
// shard, and reports whether it reaches that real server.
func (s *ecmpSite) data(control *ecmpSession) bool {
	var number int
	_, err := fmt.Sscanf(control.server, "rs%d", &number)
	require.NoError(s.t, err)
	control.connections++
	conn, err := s.dial(control.from, 10_000+ecmpShard*number+(37*s.clients+control.connections)%ecmpShard)
	if err != nil {
		return false
	}
	defer conn.Close()
	return ask(conn) == control.server
}

func (s *ecmpSite) isKept(control *ecmpSession) bool {
	return ask(control.Conn) == control.server && s.data(control)
}

// awaitSync waits until each director knows the control connections and, with persistence, the
// templates of their clients, which may come in a later message.
func (s *ecmpSite) awaitSync(c ecmpConfig, sessions []*ecmpSession) {
	s.t.Helper()
	if !c.sync {
		return
	}
	for _, d := range s.directors {
		require.Eventually(s.t, func() bool {
			known := s.known(d)
			return !slices.ContainsFunc(sessions, func(control *ecmpSession) bool {
				return !known.has(control) || c.isPersistent() && !known[netip.AddrPortFrom(control.from, 0).String()]
			})
		}, successTimeout, 50*time.Millisecond)
	}
}

// A table has the clients of a director's connections, each an address and a port, which is 0 for
// templates.
type table map[string]bool

func (k table) has(control *ecmpSession) bool { return k[control.LocalAddr().String()] }

// known returns the connections and templates that a director knows.
func (s *ecmpSite) known(d *equivalence.Namespace) table {
	out, err := d.Run("", "ipvsadm", "-Lnc")
	require.NoError(s.t, err)
	known := table{}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 4 && (words[2] == "ESTABLISHED" || words[0] == "IP") { // IP: a template
			known[words[3]] = true
		}
	}
	return known
}
