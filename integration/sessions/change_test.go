package sessions

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// A change is a change of the spec that a re-apply makes, and a later one reverts.
type change string

// Changes that do not concern the sessions' cluster.
const (
	web            change = "cluster with other ports"
	mail           change = "third set of ports: verdict map"
	manyVIPs       change = "1,100 VIPs: larger map"
	otherGone      change = "other cluster removed"
	otherServer    change = "other cluster: real server"
	otherWeights   change = "other cluster: weights"
	otherMark      change = "other cluster: mark"
	otherScheduler change = "other cluster: scheduler"
	otherShards    change = "other cluster: passive shards"
	tableName      change = "name of the tables"
	timeouts       change = "IPVS timeouts"
	sysctl         change = "sysctl"
	firstPackets   change = "marks on first packets"
	keepMarks      change = "marks kept up to IPVS"
	localClients   change = "local clients"
	otherOnly      change = "other cluster: only some clients"
	otherNetwork   change = "other cluster: network of VIPs"
	otherSourceNAT change = "other cluster: source-nat"
	rest           change = "cluster with all other ports of the VIP"
)

// Changes of the sessions' cluster that must not disrupt them.
const (
	ownServer      change = "own cluster: another real server"
	ownWeights     change = "own cluster: weights"
	ownDrained     change = "own cluster: real server drained"
	ownScheduler   change = "own cluster: scheduler"
	ownPersistence change = "own cluster: persistence"
	ownVIP         change = "own cluster: another VIP"
	ownRange       change = "own cluster: wider passive range"
	ownPort        change = "own cluster: another control port"
	ownRanges      change = "own cluster: another passive range"
	ownThreshold   change = "own cluster: thresholds"
)

// ownServerGone is a change that cuts sessions.
const ownServerGone change = "own cluster: real server removed"

// harmless returns the changes that must not disrupt a session. They are made in this
// order, and then reverted in the same order.
func harmless() []change {
	return []change{
		web, firstPackets, syncBoth, ownServer, rest, keepMarks, syncPort, ownRanges, otherNetwork, mail, otherSourceNAT, ownWeights,
		otherServer, ownScheduler, ownVIP, otherOnly, otherWeights, tableName, localClients, ownPersistence,
		otherMark, syncMaxlen, ownRange, ownDrained, ownThreshold, otherScheduler, otherShards, ownPort, timeouts, sysctl,
		// Reverted at once: without the other cluster, some changes have no effect; with many
		// VIPs, each apply is slow.
		otherGone, otherGone, manyVIPs, manyVIPs,
	}
}

// reset reverts all changes.
func (s *site) reset(t *testing.T) {
	t.Helper()
	s.on = map[change]bool{}
	require.NoError(t, s.Apply(s.spec()))
}

// An applyResult is the JSON output of `lvsmark apply`.
type applyResult struct {
	Changes []struct {
		Impact impact.Impact
	}
}

// effect returns the worst effect of all changes.
func (r applyResult) effect() impact.Effect {
	worst := impact.Safe
	for _, c := range r.Changes {
		if c.Impact.Effect == impact.Cuts || worst == impact.Safe {
			worst = c.Impact.Effect
		}
	}
	return worst
}

// reapply makes or reverts a change with `lvsmark apply`, which must find a difference.
func (s *site) reapply(t *testing.T, c change) applyResult {
	t.Helper()
	s.on[c] = !s.on[c]
	require.NoError(t, s.WriteSpec(s.spec()))
	output, err := s.Lvsmark("apply", "-o", "json")
	require.NoError(t, err)
	require.Zero(t, output.Status, "%s: %s", c.describe(s), output.Text)
	var document applyResult
	require.NoError(t, json.Unmarshal([]byte(output.Text), &document), output.Text)
	require.NotEmpty(t, document.Changes, c.describe(s))
	return document
}

// describe returns the name of the change, with + if it is made and - if reverted.
func (c change) describe(s *site) string {
	if s.on[c] {
		return fmt.Sprintf("+ %s", string(c))
	}
	return fmt.Sprintf("- %s", string(c))
}
