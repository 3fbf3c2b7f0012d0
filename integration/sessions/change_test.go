package sessions

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// A change is one that a re-apply makes, and a later one takes back.
type change string

// Changes of what the sessions have no part in.
const (
	web            change = "cluster of other ports"
	mail           change = "cluster of yet other ports: verdict map"
	manyVIPs       change = "1,100 VIPs: larger map"
	otherGone      change = "other cluster gone"
	otherServer    change = "other cluster: real server"
	otherWeights   change = "other cluster: weights"
	otherMark      change = "other cluster: mark"
	otherScheduler change = "other cluster: scheduler"
	tableName      change = "name of the tables"
	timeouts       change = "IPVS timeouts"
	sysctl         change = "sysctl"
)

// Changes of the sessions' own cluster that leave them alone.
const (
	ownServer      change = "own cluster: another real server"
	ownWeights     change = "own cluster: weights"
	ownDrained     change = "own cluster: real server drained"
	ownScheduler   change = "own cluster: scheduler"
	ownPersistence change = "own cluster: persistence"
	ownVIP         change = "own cluster: another VIP"
	ownRange       change = "own cluster: wider passive range"
	ownPort        change = "own cluster: another control port"
)

// ownServerGone is one that ends sessions.
const ownServerGone change = "own cluster: real server gone"

// harmless are the changes that no session may notice, in the order in which
// they are made, and then taken back in the same order.
func harmless() []change {
	return []change{
		web, ownServer, mail, ownWeights, otherServer, ownScheduler, ownVIP, otherWeights, tableName,
		ownPersistence, otherMark, ownRange, ownDrained, otherScheduler, ownPort, timeouts, sysctl,
		// Made and taken back: the one makes others void, the other makes each apply slow.
		otherGone, otherGone, manyVIPs, manyVIPs,
	}
}

// reset takes all changes back.
func (s *site) reset(t *testing.T) {
	t.Helper()
	s.on = map[change]bool{}
	require.NoError(t, s.Apply(s.spec()))
}

// A reapplied is what `lvsmark apply` said of a re-apply.
type reapplied struct {
	Changes []struct {
		Impact impact.Impact
	}
}

// effect is the worst of all its changes.
func (r reapplied) effect() impact.Effect {
	worst := impact.Safe
	for _, c := range r.Changes {
		if c.Impact.Effect == impact.Cuts || worst == impact.Safe {
			worst = c.Impact.Effect
		}
	}
	return worst
}

// reapply makes a change, or takes it back, by `lvsmark apply`, which must find
// something to do.
func (s *site) reapply(t *testing.T, c change) reapplied {
	t.Helper()
	s.on[c] = !s.on[c]
	require.NoError(t, s.WriteSpec(s.spec()))
	output, err := s.Lvsmark("apply", "-o", "json")
	require.NoError(t, err)
	require.Zero(t, output.Status, "%s: %s", c.now(s), output.Text)
	var document reapplied
	require.NoError(t, json.Unmarshal([]byte(output.Text), &document), output.Text)
	require.NotEmpty(t, document.Changes, c.now(s))
	return document
}

// now says what the site did with the change last.
func (c change) now(s *site) string {
	if s.on[c] {
		return fmt.Sprintf("+ %s", string(c))
	}
	return fmt.Sprintf("- %s", string(c))
}
