package sessions

import (
	"fmt"
	"os"
	"slices"
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

// The FTP servers limit transfers to this rate, in bytes per second, so that sessions
// last. (curl and lftp have limits too, but that of lftp costs much CPU time.)
const rate = 32 << 10

// An extent is the size of the test.
type extent struct {
	reapplies   int           // required number of re-applies while all sessions of a round run
	minDuration time.Duration // approximate duration of sessions
	maxDuration time.Duration
	all         bool // all sessions, all forwarding methods
}

// extentFromEnv returns the extent for LVSMARK_REAPPLIES, which `integration/run
// sessions` sets, or a short one.
func extentFromEnv(t *testing.T) extent {
	text := os.Getenv("LVSMARK_REAPPLIES")
	if text == "" {
		return extent{15, 20 * time.Second, 45 * time.Second, false}
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, "LVSMARK_REAPPLIES")
	return extent{number, 5 * time.Minute, 15 * time.Minute, true}
}

// maxRounds limits the number of rounds. On a busy machine, one round may not have
// enough re-applies.
const maxRounds = 5

// TestSessions runs many kinds of sessions in parallel, while the spec changes
// repeatedly: other clusters, and the sessions' own. Every session succeeds on one real
// server, with one login. Finally a change cuts a session, to show that the test
// detects it.
func TestSessions(t *testing.T) {
	m := extentFromEnv(t)
	labs := []lab.Options{{Forwarding: config.NAT}, {Forwarding: config.NAT, Sharded: true}}
	if m.all {
		labs = append(labs, lab.Options{Forwarding: config.Direct}, lab.Options{Forwarding: config.Tunnel})
	}
	for _, opts := range labs {
		t.Run(opts.Forwarding.String()+map[bool]string{true: " with shards"}[opts.Sharded], func(t *testing.T) {
			s := newSite(t, opts)
			made := 0
			for n := 0; n < maxRounds && made < m.reapplies && !t.Failed(); n++ {
				made += s.round(t, m)
			}
			assert.GreaterOrEqual(t, made, m.reapplies, "re-applies while sessions ran")
			t.Run("cut", s.testCut)
			if t.Failed() {
				t.Log(s.Logs())
			}
		})
	}
}

// round starts sessions, re-applies while all of them run, and returns the number of
// re-applies: 0 if the first session ended before the last one began to transfer, as on a slow
// machine. The sessions of the next round are longer then.
func (s *site) round(t *testing.T, m extent) int {
	seconds := s.sizeFiles(t, time.Duration(s.longer)*min(m.maxDuration, max(m.minDuration, time.Duration(m.reapplies)*3*s.applyTime)))
	s.reset(t)
	began := time.Now()
	running, err := s.Start(allSessions(m.all, seconds))
	require.NoError(t, err)
	var lines []string
	if _, err = running.AwaitData(); err == nil {
		lines = s.reapplyUntil(t, running.Ended)
	} else { // all must succeed nevertheless, see below
		t.Log(err)
		s.longer *= 2
	}
	results, err := running.Wait()
	require.NoError(t, err)
	t.Logf("%d re-applies while %d sessions ran, %.0f s in total\n%s\n\n%s",
		len(lines), len(results), time.Since(began).Seconds(), strings.Join(lines, "\n"), lab.Table(results))
	for _, r := range results {
		s.check(t, r)
	}
	return len(lines)
}

// sizeFiles sets the size of files for sessions of about that duration, and returns
// the duration in seconds.
func (s *site) sizeFiles(t *testing.T, d time.Duration) int {
	seconds := max(2, int(d.Seconds()))
	require.NoError(t, s.ResizeFile(seconds*rate/2))
	return seconds
}

// allSessions returns the sessions. Those with pieces open a data connection every
// other second. The lab's own client uploads over TLS 1.3, lftp over TLS 1.2; see lab.
func allSessions(all bool, seconds int) []lab.Session {
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

// reapplyUntil makes and reverts changes until ended returns true. It returns a line
// for each re-apply before that.
func (s *site) reapplyUntil(t *testing.T, ended func() bool) (lines []string) {
	all := s.changes()
	for ; ; s.next++ {
		c := all[s.next%len(all)]
		began := time.Now()
		made := s.reapply(t, c)
		if ended() {
			return lines
		}
		assert.NotEqual(t, impact.Cuts, made.effect(), c.describe(s))
		lines = append(lines, fmt.Sprintf("%4d  %-42s %4d changes, %-6s %6.2f s", len(lines)+1, c.describe(s), len(made.Changes), made.effect(), time.Since(began).Seconds()))
	}
}

func (s *site) check(t *testing.T, r lab.Result) {
	t.Run(r.Session.String(), func(t *testing.T) {
		assert.NoError(t, r.Err, r.Log)
		assert.True(t, r.Complete(), "%d of %d bytes arrived correctly", r.Bytes, r.Size)
		if r.Client == lab.Own {
			assert.Contains(t, r.Log, "data connection: TLS 1.3")
		}
		assert.True(t, r.SameServer(), "control connection on %s, data connections on %v", r.Control, r.Data)
		assert.Equal(t, 1, r.Logins, "control connections")
		// Two connections with the same addresses and ports count as one.
		assert.Greater(t, len(r.Data), r.Pieces, "data connections")
	})
}

// testCut removes the real server of a session: that session fails, and a session on
// the other real server continues.
func (s *site) testCut(t *testing.T) {
	s.reset(t)
	s.reapply(t, ownScheduler) // round robin
	s.sizeFiles(t, max(20*time.Second, 15*s.applyTime))
	session := lab.Session{Client: lab.Curl, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}
	running, err := s.Start([]lab.Session{session, session})
	require.NoError(t, err)
	servers, err := running.AwaitData()
	require.NoError(t, err)
	require.ElementsMatch(t, servers, []string{"rs1", "rs2"})
	require.False(t, running.Ended())
	assert.Equal(t, impact.Cuts, s.reapply(t, ownServerGone).effect())
	// The session on the removed server may end before lvsmark does.
	require.False(t, running.HasEnded(slices.Index(servers, "rs2")), "the sessions were too short for the test")
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
