// Package integration_test tests lvsmark end to end: the lvsmark command sets up an FTP
// cluster in a lab, and real FTP clients and servers use it.
package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	defaultRange = "10000-20000"
	wholeRange   = "1024-65535"
)

// Two sessions at a time: one works while the other waits.
const parallel = 2

// Under nat, active data passes the director and needs its translation.
func TestNAT(t *testing.T) {
	c := newCluster(t, lab.Options{Forwarding: config.NAT})
	c.translate = "snat"
	c.start(t)
	t.Run("snat", func(t *testing.T) { c.run(t, c.matrix(), lab.VIP) })
	t.Run("ten at once", func(t *testing.T) { c.runTen(t, lab.VIP) })

	c.passivePorts = wholeRange
	c.start(t)
	t.Run(wholeRange, func(t *testing.T) { c.run(t, passive(c.eachMode()), lab.VIP) })

	c.translate = "masquerade"
	c.start(t)
	t.Run("masquerade", func(t *testing.T) { c.run(t, active(c.eachMode()), lab.Outgoing) })

	c.translate = "none"
	c.start(t)
	t.Run("none", c.activeFails)
}

// Under direct and tunnel forwarding, a real server has the VIP itself and opens active
// data connections from it.
func TestDirect(t *testing.T) { testDirectReply(t, config.Direct) }

func TestTunnel(t *testing.T) { testDirectReply(t, config.Tunnel) }

func testDirectReply(t *testing.T, forwarding config.Forwarding) {
	c := newCluster(t, lab.Options{Forwarding: forwarding})
	c.start(t)
	t.Run(defaultRange, func(t *testing.T) { c.run(t, c.matrix(), lab.VIP) })
	t.Run("ten at once", func(t *testing.T) { c.runTen(t, lab.VIP) })

	c.passivePorts = wholeRange
	c.start(t)
	t.Run(wholeRange, func(t *testing.T) { c.run(t, passive(c.eachMode()), lab.VIP) })
}

// Without persistence, IPVS schedules a data connection like any other: round robin
// sends it to another real server than the control connection, where no server
// listens.
func TestWithoutPersistence(t *testing.T) {
	c := newCluster(t, lab.Options{Families: []config.Family{config.IPv4}})
	c.scheduler, c.persistence = "rr", "0"
	c.start(t)
	results, err := c.lab.Run([]lab.Session{{Client: lab.Own, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}}, 1)
	require.NoError(t, err)
	r := results[0]
	require.ErrorContains(t, r.Err, "connection refused", r.Log)
	require.Len(t, r.Data, 1)
	assert.NotEqual(t, r.Control, r.Data[0])
}

// A cluster is a lab with the spec of one FTP cluster.
type cluster struct {
	lab          *lab.Lab
	passivePorts string
	translate    string // "": masquerade, under nat
	scheduler    string
	persistence  string
	marks        string // which packets are marked
}

func newCluster(t *testing.T, opts lab.Options) *cluster {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "vsftpd", "curl", "lftp")
	return &cluster{lab: lab.New(t, opts), passivePorts: defaultRange, scheduler: "wlc", persistence: "5m", marks: "every-packet"}
}

// spec returns a spec for plain FTP, explicit and implicit TLS.
func (c *cluster) spec() string {
	var vips, servers []string
	for _, f := range c.lab.Families {
		vips = append(vips, fmt.Sprintf("%q", lab.VIP(f)))
		for _, server := range c.lab.Servers {
			servers = append(servers, fmt.Sprintf("{address: %q}", server.Address(f)))
		}
	}
	active := ""
	if c.lab.Forwarding == config.NAT {
		active = fmt.Sprintf("active-data: {translate: %s, ports: [20, 989]}", c.translate)
	}
	return fmt.Sprintf(`
clusters:
  - name: ftp
    mark: 21
    vips: [%s]
    vip-device: %s
    ftp:
      control-ports: [21, 990]
      passive-ports: %s
      %s
    forwarding: %s
    scheduler: %s
    persistence: %s
    real-servers: [%s]
director: {marks: %s}
`, strings.Join(vips, ", "), lab.OutgoingDevice, c.passivePorts, active,
		c.lab.Forwarding, c.scheduler, c.persistence, strings.Join(servers, ", "), c.marks)
}

// start applies the current spec and restarts the FTP servers.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	if c.lab.Forwarding == config.NAT && c.translate == "" {
		c.translate = "masquerade"
	}
	require.NoError(t, c.lab.Apply(c.spec()))
	require.NoError(t, c.lab.StartFTP(21, 990))
}

// matrix returns sessions of every mode of every family, plain and with explicit TLS,
// and implicit TLS for each family. The client programs alternate, and each forwarding
// method starts with a different one.
func (c *cluster) matrix() []lab.Session {
	var sessions []lab.Session
	turn := int(c.lab.Forwarding)
	for _, f := range c.lab.Families {
		for _, mode := range lab.Modes(f) {
			for _, security := range []lab.Security{lab.Plain, lab.Explicit} {
				clients := realClients(f, mode, security)
				client := clients[turn%len(clients)]
				sessions = append(sessions, lab.Session{Client: client, Family: f, Mode: mode, Security: security})
				turn++
			}
			turn++
		}
		sessions = append(sessions,
			lab.Session{Client: lab.Curl, Family: f, Mode: lab.EPSV, Security: lab.Implicit},
			lab.Session{Client: lab.LFTP, Family: f, Mode: activeMode(f), Security: lab.Implicit})
	}
	return sessions
}

// realClients returns the client programs that support the mode, or the lab's own
// client if none does.
func realClients(f config.Family, mode lab.Mode, security lab.Security) []lab.Client {
	clients := lab.Clients(f, mode, security)
	if len(clients) > 1 {
		return clients[:len(clients)-1]
	}
	return clients
}

// activeMode returns the active mode that lftp uses.
func activeMode(f config.Family) lab.Mode {
	if f == config.IPv4 {
		return lab.PORT
	}
	return lab.EPRT
}

// eachMode returns one session of every mode of every family, alternately plain and
// with TLS.
func (c *cluster) eachMode() []lab.Session {
	var sessions []lab.Session
	for _, f := range c.lab.Families {
		for i, mode := range lab.Modes(f) {
			security := []lab.Security{lab.Plain, lab.Explicit}[i%2]
			sessions = append(sessions, lab.Session{Client: lab.Own, Family: f, Mode: mode, Security: security})
		}
	}
	return sessions
}

// active returns the sessions with active data, which the director translates.
func active(sessions []lab.Session) []lab.Session {
	return slices.DeleteFunc(sessions, func(s lab.Session) bool { return !s.Mode.Active() })
}

// passive returns the sessions that use the passive ports.
func passive(sessions []lab.Session) []lab.Session {
	return slices.DeleteFunc(sessions, func(s lab.Session) bool { return s.Mode.Active() })
}

// run runs sessions; source is the expected source of their active data.
func (c *cluster) run(t *testing.T, sessions []lab.Session, source func(config.Family) netip.Addr) {
	results, err := c.lab.Run(sessions, parallel)
	require.NoError(t, err)
	c.check(t, results, source)
}

// runTen runs ten clients that transfer while all control connections are open, and
// checks that all real servers are used.
func (c *cluster) runTen(t *testing.T, source func(config.Family) netip.Addr) {
	sessions := append(c.eachMode(), c.eachMode()...)[:10]
	for i := range sessions {
		sessions[i].Security = lab.Plain // for TLS, the processors of a VM are too slow
	}
	results, err := c.lab.RunAtOnce(sessions)
	require.NoError(t, err)
	c.check(t, results, source)
	busy := map[string]int{}
	for _, r := range results {
		busy[r.Control]++
	}
	assert.Len(t, busy, len(c.lab.Servers), "real servers that had a control connection")
}

func (c *cluster) check(t *testing.T, results []lab.Result, source func(config.Family) netip.Addr) {
	for _, r := range results {
		t.Run(r.Session.String(), func(t *testing.T) {
			assert.NoError(t, r.Err, r.Log)
			assert.True(t, r.Complete(), "%d of %d bytes arrived correctly", r.Bytes, r.Size)
			assert.True(t, r.SameServer(), "one real server had control and data")
			want := "[]"
			if r.Mode.Active() {
				want = fmt.Sprint([]netip.Addr{source(r.Family), source(r.Family)})
			}
			assert.Equal(t, want, fmt.Sprint(r.Source), "sources of data connections to the client")
		})
	}
	if t.Failed() {
		t.Logf("\n%s\n%s", lab.Table(results), c.lab.Logs())
	}
}

// activeFails shows that active data fails without translation.
func (c *cluster) activeFails(t *testing.T) {
	results, err := c.lab.Run([]lab.Session{{Client: lab.Own, Family: config.IPv4, Mode: lab.PORT, Security: lab.Plain}}, 1)
	require.NoError(t, err)
	assert.Error(t, results[0].Err)
	assert.NotContains(t, results[0].Source, lab.VIP(config.IPv4))
}
