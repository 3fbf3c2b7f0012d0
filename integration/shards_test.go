package integration_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// A shardLab is a lab with five real servers, of which the spec has some.
type shardLab struct {
	*testing.T
	lab *lab.Lab
}

// shardServer is a line of the spec for real server number i.
func (s shardLab) server(i int, keys string) string {
	var lines []string
	for _, f := range s.lab.Families {
		lines = append(lines, fmt.Sprintf("{address: %q, shard: %d%s}", s.lab.Servers[i].Address(f), i, keys))
	}
	return strings.Join(lines, ", ")
}

func (s shardLab) apply(servers ...string) {
	s.Helper()
	require.NoError(s, s.lab.Apply(s.spec(servers...)))
}

func (s shardLab) spec(servers ...string) string {
	active := ""
	if s.lab.Forwarding == config.NAT {
		active = ", active-data: {translate: snat, ports: [20, 989]}"
	}
	return fmt.Sprintf(`
clusters:
  - name: ftp
    mark: 21
    vips: [%q, %q]
    vip-device: wan
    ftp: {control-ports: [21, 990], passive-ports: 10000-19999, passive-shards: 8%s}
    forwarding: %s
    scheduler: rr
    real-servers: [%s]
`, lab.VIP(config.IPv4), lab.VIP(config.IPv6), active, s.lab.Forwarding, strings.Join(servers, ", "))
}

func newShardLab(t *testing.T, forwarding config.Forwarding) shardLab {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "vsftpd", "curl", "lftp")
	l := lab.New(t, lab.Options{Forwarding: forwarding, RealServers: 5, Sharded: true, FTPSettings: "pasv_promiscuous=YES\n"})
	return shardLab{t, l}
}

// start starts the FTP servers of all real servers, and applies a spec with four of them.
func (s shardLab) start() {
	s.Helper()
	s.apply(s.servers(5)...)
	require.NoError(s, s.lab.StartFTP(21, 990))
	s.apply(s.servers(4)...)
}

func (s shardLab) servers(n int) []string {
	var list []string
	for i := range n {
		list = append(list, s.server(i, ""))
	}
	return list
}

// number returns a number of sessions: that of the variable, or else a few.
func number(variable string, few int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return n
	}
	return few
}

// TestShards runs real FTP sessions through a cluster with passive shards.
func TestShards(t *testing.T) {
	s := newShardLab(t, config.NAT)
	s.start()
	c := &cluster{lab: s.lab}
	t.Run("programs", func(t *testing.T) { c.run(t, c.matrix(), lab.VIP) })
	t.Run("one client", func(t *testing.T) { shardLab{t, s.lab}.oneClient() })
	t.Run("changes during transfers", func(t *testing.T) { shardLab{t, s.lab}.changes() })
	t.Run("persistence", func(t *testing.T) { shardLab{t, s.lab}.persistence() })
}

// TestShardsDirect and TestShardsTunnel are TestShards for real servers that reply to the client
// themselves: passive sessions, those of one client address, and active ones. The answers to
// active data come by the director, which knows their real server by the client's address only.
func TestShardsDirect(t *testing.T) { testShardsDirectReply(t, config.Direct) }

func TestShardsTunnel(t *testing.T) { testShardsDirectReply(t, config.Tunnel) }

func testShardsDirectReply(t *testing.T, forwarding config.Forwarding) {
	s := newShardLab(t, forwarding)
	s.start()
	c := &cluster{lab: s.lab}
	t.Run("passive", func(t *testing.T) { c.run(t, passive(c.eachMode()), lab.VIP) })
	t.Run("one client", func(t *testing.T) { shardLab{t, s.lab}.oneClient() })
	require.NoError(t, s.lab.Apply(strings.Replace(s.spec(s.servers(4)...), "scheduler: rr", "scheduler: mh", 1)))
	t.Run("active", func(t *testing.T) { c.run(t, active(c.eachMode()), lab.VIP) })
}

// kinds returns sessions of every mode, some with TLS.
func (s shardLab) kinds(f config.Family) []lab.Session {
	var sessions []lab.Session
	for _, mode := range lab.Modes(f) {
		if mode.Active() && s.lab.Forwarding != config.NAT {
			continue // see testShardsDirectReply
		}
		for _, security := range []lab.Security{lab.Plain, lab.Plain, lab.Plain, lab.Explicit} {
			sessions = append(sessions, lab.Session{Client: lab.Own, Family: f, Mode: mode, Security: security})
		}
	}
	return sessions
}

// oneClient: sessions of one address use all real servers evenly, also if the data connection of
// some comes from another address.
func (s shardLab) oneClient() {
	for f, count := range s.visits(true) {
		s.Logf("%s: %v", f, count)
		even := float64(s.sessions()) / 4
		assert.Len(s, count, 4)
		for server, n := range count {
			assert.InDelta(s, even, float64(n), max(1, 0.02*even), server)
		}
	}
}

// sessions returns the number of sessions of each family.
func (s shardLab) sessions() int {
	return number("LVSMARK_SHARD_SESSIONS", 40) / len(s.lab.Families)
}

// visits makes sessions of one address of each family, and returns how many of them each real
// server had. Each transfer is with the real server of its control connection. With elsewhere,
// the data connections of some come from another address.
func (s shardLab) visits(elsewhere bool) map[config.Family]map[string]int {
	all := map[config.Family]map[string]int{}
	for _, f := range s.lab.Families {
		from, err := s.lab.ClientAddress(f)
		require.NoError(s, err)
		other, err := s.lab.ClientAddress(f)
		require.NoError(s, err)
		kinds, count := s.kinds(f), map[string]int{}
		for i := range s.sessions() {
			v, err := s.lab.Visit(kinds[i%len(kinds)], from)
			require.NoError(s, err)
			if elsewhere && i%5 == 0 {
				v.DataFrom(other)
			}
			server, err := v.Load(lab.PieceFile, nil)
			require.NoError(s, err)
			require.Equal(s, v.Control, server, "%s", v.Session)
			require.NoError(s, v.Quit())
			count[server]++
		}
		all[f] = count
	}
	return all
}

// changes adds, drains and removes real servers while downloads are in progress.
func (s shardLab) changes() {
	require.NoError(s, s.lab.ResizeFile(2<<20))
	held := s.hold(number("LVSMARK_SHARD_TRANSFERS", 12))
	s.apply(s.servers(5)...)
	assert.Equal(s, map[string]bool{"rs1": true, "rs2": true, "rs3": true, "rs4": true, "rs5": true}, s.reached(10))
	held.more(s, "")
	list := s.servers(5)
	list[1] = s.server(1, ", weight: 0")
	s.apply(list...)
	assert.Equal(s, map[string]bool{"rs1": true, "rs3": true, "rs4": true, "rs5": true}, s.reached(8))
	held.more(s, "") // also on rs2
	s.apply(list[0], list[1], list[3], list[4])
	assert.Equal(s, map[string]bool{"rs1": true, "rs4": true, "rs5": true}, s.reached(6))
	held.more(s, "rs3")
	held.finish(s, "rs3")
}

// reached returns the real servers of new sessions, each with a transfer.
func (s shardLab) reached(n int) map[string]bool {
	reached := map[string]bool{}
	for range n {
		v, err := s.lab.Visit(lab.Session{Client: lab.Own, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}, lab.Outside(config.IPv4, 240))
		require.NoError(s, err)
		server, err := v.Load(lab.PieceFile, nil)
		require.NoError(s, err)
		require.Equal(s, v.Control, server)
		require.NoError(s, v.Quit())
		reached[server] = true
	}
	return reached
}

// heldTransfers are downloads of one client that wait after their first bytes, and idle
// sessions beside them.
type heldTransfers struct {
	idle, busy []*lab.Visit
	released   chan struct{}
	done       sync.WaitGroup
	servers    []string
	errs       []error
}

func (s shardLab) hold(n int) *heldTransfers {
	h := &heldTransfers{released: make(chan struct{}), servers: make([]string, n), errs: make([]error, n)}
	session := lab.Session{Client: lab.Own, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}
	from := lab.Outside(config.IPv4, 240)
	for range 4 {
		v, err := s.lab.Visit(session, from)
		require.NoError(s, err)
		h.idle = append(h.idle, v)
	}
	var waiting sync.WaitGroup
	waiting.Add(n)
	for i := range n {
		v, err := s.lab.Visit(session, from)
		require.NoError(s, err)
		h.busy = append(h.busy, v)
		h.done.Go(func() {
			reached := sync.OnceFunc(waiting.Done)
			defer reached()
			h.servers[i], h.errs[i] = v.Load(lab.DataFile, func() { reached(); <-h.released })
		})
	}
	waiting.Wait()
	return h
}

// more opens a data connection in each idle session, except those of a removed real server.
func (h *heldTransfers) more(s shardLab, removed string) {
	for _, v := range h.idle {
		if v.Control == removed {
			continue
		}
		server, err := v.Load(lab.PieceFile, nil)
		require.NoError(s, err)
		require.Equal(s, v.Control, server)
	}
}

// finish ends all transfers: those of the removed real server fail.
func (h *heldTransfers) finish(s shardLab, removed string) {
	for _, v := range h.busy {
		if v.Control == removed {
			v.Leave()
		}
	}
	close(h.released)
	h.done.Wait()
	count := map[string]int{}
	for i, v := range h.busy {
		count[v.Control]++
		if v.Control == removed {
			assert.Error(s, h.errs[i])
			continue
		}
		assert.NoError(s, h.errs[i])
		assert.Equal(s, v.Control, h.servers[i])
		assert.NoError(s, v.Quit())
	}
	s.Logf("transfers: %v", count)
	assert.Len(s, count, 4)
	for _, v := range h.idle {
		v.Leave()
	}
}

// persistence is the contrast to oneClient: without shards, persistence puts all sessions of a
// client on one real server.
func (s shardLab) persistence() {
	spec := strings.NewReplacer("passive-shards: 8, ", "", "scheduler: rr", "scheduler: rr\n    persistence: 5m")
	require.NoError(s, s.lab.Apply(spec.Replace(strings.NewReplacer(", shard: 0", "", ", shard: 1", "", ", shard: 2", "", ", shard: 3", "").Replace(s.spec(s.servers(4)...)))))
	for f, count := range s.visits(false) {
		s.Logf("%s: %v", f, count)
		assert.Len(s, count, 1)
	}
}
