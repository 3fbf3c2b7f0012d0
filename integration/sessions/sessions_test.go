package sessions

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// The FTP servers hold transfers to this rate, in bytes a second, so that they
// last. (curl and lftp can do so too, but lftp takes much of an emulated
// processor for it.)
const rate = 32 << 10

// A measure says how much is done.
type measure struct {
	reapplies int           // that there have to be while all sessions of a round go on
	least     time.Duration // that sessions last, about
	most      time.Duration
	all       bool // every way to transfer, every forwarding method
}

// measured is by LVSMARK_REAPPLIES, which `integration/run sessions` sets, or
// short.
func measured(t *testing.T) measure {
	text := os.Getenv("LVSMARK_REAPPLIES")
	if text == "" {
		return measure{15, 20 * time.Second, 45 * time.Second, false}
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, "LVSMARK_REAPPLIES")
	return measure{number, 5 * time.Minute, 15 * time.Minute, true}
}

// rounds bounds how often sessions are started because the re-applies of one
// round were not enough: the machine may be busy.
const rounds = 5

// TestSessions transfers in many ways at once, while the spec is changed again
// and again: other clusters, and the sessions' own. Every session ends well,
// on the real server on which it began, without a second login. At last a
// change cuts one, to show that this is noticed.
func TestSessions(t *testing.T) {
	m := measured(t)
	methods := []config.Forwarding{config.NAT}
	if m.all {
		methods = append(methods, config.Direct, config.Tunnel)
	}
	for _, forwarding := range methods {
		t.Run(forwarding.String(), func(t *testing.T) {
			s := newSite(t, forwarding)
			made := 0
			for n := 0; n < rounds && made < m.reapplies && !t.Failed(); n++ {
				made += s.round(t, m)
			}
			assert.GreaterOrEqual(t, made, m.reapplies, "re-applies while sessions went on")
			t.Run("cut", s.cut)
			if t.Failed() {
				t.Log(s.Logs())
			}
		})
	}
}

// round starts sessions, goes through the changes while all of them go on, and
// returns how many there were.
func (s *site) round(t *testing.T, m measure) int {
	seconds := s.lasting(t, min(m.most, max(m.least, time.Duration(m.reapplies)*3*s.pace)))
	s.reset(t)
	began := time.Now()
	running, err := s.Start(repertoire(m.all, seconds))
	require.NoError(t, err)
	_, err = running.AwaitData()
	require.NoError(t, err)
	lines := s.reapplyUntil(t, running.Ended)
	results, err := running.Wait()
	require.NoError(t, err)
	t.Logf("%d re-applies while %d sessions went on, %.0f s in all\n%s\n\n%s",
		len(lines), len(results), time.Since(began).Seconds(), strings.Join(lines, "\n"), lab.Table(results))
	for _, r := range results {
		s.check(t, r)
	}
	return len(lines)
}

// lasting makes the files so large that sessions take about so long, and
// returns the seconds.
func (s *site) lasting(t *testing.T, d time.Duration) int {
	seconds := max(2, int(d.Seconds()))
	require.NoError(t, s.ResizeFile(seconds*rate/2))
	return seconds
}

// repertoire is how the clients transfer. Those in pieces open a data connection
// every other second. The lab's own client uploads over TLS 1.3, and lftp over 1.2;
// see lab.
func repertoire(all bool, seconds int) []lab.Session {
	const v4, v6 = config.IPv4, config.IPv6
	sessions := []lab.Session{
		{Client: lab.Curl, Family: v4, Mode: lab.PASV, Security: lab.Plain},
		{Client: lab.Curl, Family: v6, Mode: lab.EPSV, Security: lab.Explicit},
		{Client: lab.LFTP, Family: v4, Mode: lab.PORT, Security: lab.Explicit},
		{Client: lab.LFTP, Family: v6, Mode: lab.EPRT, Security: lab.Plain},
		{Client: lab.Own, Family: v4, Mode: lab.PASV, Security: lab.Explicit},
		{Client: lab.LFTP, Family: v4, Mode: lab.EPSV, Security: lab.Explicit, Pieces: seconds / 3},
		{Client: lab.LFTP, Family: v4, Mode: lab.PORT, Security: lab.Plain, Pieces: seconds / 3},
	}
	if all {
		sessions = append(
			sessions,
			lab.Session{Client: lab.Curl, Family: v4, Mode: lab.EPSV, Security: lab.Explicit},
			lab.Session{Client: lab.Curl, Family: v4, Mode: lab.EPRT, Security: lab.Plain},
			lab.Session{Client: lab.Curl, Family: v6, Mode: lab.EPRT, Security: lab.Plain},
			lab.Session{Client: lab.LFTP, Family: v4, Mode: lab.PASV, Security: lab.Plain},
			lab.Session{Client: lab.LFTP, Family: v4, Mode: lab.PASV, Security: lab.Explicit, Pieces: seconds / 3},
			lab.Session{Client: lab.LFTP, Family: v6, Mode: lab.EPRT, Security: lab.Explicit, Pieces: seconds / 3},
		)
	}
	return sessions
}

// reapplyUntil goes through the changes, makes them and takes them back, until
// ended. It tells of each re-apply that was done before.
func (s *site) reapplyUntil(t *testing.T, ended func() bool) (lines []string) {
	all := harmless()
	for ; ; s.next++ {
		c := all[s.next%len(all)]
		began := time.Now()
		made := s.reapply(t, c)
		if ended() {
			return lines
		}
		assert.NotEqual(t, impact.Cuts, made.effect(), c.now(s))
		lines = append(lines, fmt.Sprintf("%4d  %-42s %4d changes, %-6s %6.2f s", len(lines)+1, c.now(s), len(made.Changes), made.effect(), time.Since(began).Seconds()))
	}
}

func (s *site) check(t *testing.T, r lab.Result) {
	t.Run(r.Session.String(), func(t *testing.T) {
		assert.NoError(t, r.Err, r.Log)
		assert.True(t, r.Complete(), "%d of %d bytes arrived as they were sent", r.Bytes, r.Size)
		if r.Client == lab.Own {
			assert.Contains(t, r.Log, "data connection: TLS 1.3")
		}
		assert.True(t, r.SameServer(), "control connection on %s, data connections on %v", r.Control, r.Data)
		assert.Equal(t, 1, r.Logins, "control connections")
		// Two connections from one port to another count as one.
		assert.Greater(t, len(r.Data), r.Pieces, "data connections")
	})
}

// cut removes a real server that a session is on: that session ends in failure,
// as it has to where a change cuts it. One on the other server goes on.
func (s *site) cut(t *testing.T) {
	s.reset(t)
	s.reapply(t, ownScheduler) // round robin
	s.lasting(t, max(10*time.Second, 8*s.pace))
	session := lab.Session{Client: lab.Curl, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}
	running, err := s.Start([]lab.Session{session, session})
	require.NoError(t, err)
	servers, err := running.AwaitData()
	require.NoError(t, err)
	require.ElementsMatch(t, servers, []string{"rs1", "rs2"})
	assert.Equal(t, impact.Cuts, s.reapply(t, ownServerGone).effect())
	require.False(t, running.Ended())
	results, err := running.Wait()
	require.NoError(t, err)
	t.Logf("\n%s", lab.Table(results))
	for i, r := range results {
		if servers[i] == "rs1" {
			assert.Error(t, r.Err, "%s was on the real server that was removed", r.Session)
			assert.False(t, r.Complete())
			continue
		}
		s.check(t, r)
	}
}
