package exact

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestFollowRandom follows packets through random directors: the mark, the service, the rules
// that act on the packet and its end are those of an interpreter of single packets.
func TestFollowRandom(t *testing.T) {
	count := map[string]int{}
	for seed := range uint64(400) {
		checkFollowed(t, seed, count)
	}
	t.Log(count)
	for _, end := range []string{"dropped", "served", "refused", "local", "translated"} {
		assert.NotZero(t, count[end], end)
	}
}

func FuzzFollow(f *testing.F) {
	f.Add(uint64(3410)) // two rules do the same behind a translation of the destination
	f.Fuzz(func(t *testing.T, seed uint64) { checkFollowed(t, seed, map[string]int{}) })
}

func checkFollowed(t *testing.T, seed uint64, count map[string]int) {
	t.Helper()
	g := generator{rand.New(rand.NewPCG(seed, 3)), []oldconfig.Family{config.IPv4, config.IPv6}[seed%2]}
	side := g.side()
	side.Chains = g.shuffled(side.Chains)
	for range 8 {
		p := g.packet()
		n := newNaive(side, g.family, p)
		end, mark := n.interpret(false)
		got := Follow(side, p, false)
		what := []any{"seed %d: %s: %s", seed, p, got.Outcome}
		if slices.ContainsFunc(got.Steps, func(s Step) bool { return strings.Contains(s.Effect, "taken as") }) {
			count["unknown"]++ // a rule asks for the destination before a translation
			continue
		}
		require.Equal(t, named(side, n.acted), named(side, rulesOf(got)), what...)
		require.Equal(t, end == "dropped", endOf(got) == "dropped", what...)
		require.Equal(t, mark, got.Mark, what...)
		if p.Protocol == uint8(config.TCP) && kindOf(uint64(p.Flags)) != first {
			continue // IPVS knows its connection, or it answers active data
		}
		require.Equal(t, n.outcome(end), endOf(got), what...)
		requireService(t, n.service, got, what)
		if endOf(got) == "served" {
			require.Equal(t, slices.Contains(n.behind, "dropped"), strings.Contains(got.Outcome, ": dropped"), what...)
		}
		count[endOf(got)]++
		if strings.Contains(got.Outcome, "destination becomes") {
			count["translated"]++
		}
	}
}

func requireService(t *testing.T, want *oldconfig.Service, got Treatment, what []any) {
	t.Helper()
	if want == nil || got.Service == nil {
		require.Nil(t, want, what...)
		require.Nil(t, got.Service, what...)
		return
	}
	require.Equal(t, *forProtocol(want, got.Service.Flags == want.Flags), *got.Service, what...)
}

// outcome returns the end in the words of endOf.
func (n *naive) outcome(end string) string {
	switch {
	case end == "dropped":
		return "dropped"
	case n.refused:
		return "refused"
	case n.service != nil:
		return "served"
	}
	return "local"
}

// endOf returns the first words of an outcome.
func endOf(t Treatment) string {
	for text, end := range map[string]string{"dropped": "dropped", "refused by IPVS": "refused", "IPVS: ": "served", "not served by IPVS": "local"} {
		if strings.HasPrefix(t.Outcome, text) {
			return end
		}
	}
	return t.Outcome
}

// rulesOf returns the rules that act on a packet up to IPVS; nil is a policy.
func rulesOf(t Treatment) (rules []*oldconfig.Rule) {
	for _, s := range t.Steps {
		if !s.Sent && s.Effect != "ends tracking" {
			rules = append(rules, s.Rule)
		}
	}
	return rules
}

// named returns where the rules are in the side; "policy" for nil.
func named(side Side, rules []*oldconfig.Rule) []string {
	list := slices.Repeat([]string{"policy"}, len(rules))
	for i, rule := range rules {
		for _, c := range side.Chains {
			if at := slices.Index(c.Rules, rule); at >= 0 {
				list[i] = fmt.Sprintf("%s %s %d", c.Table, c.Name, at)
			}
		}
	}
	return list
}

// TestFollowActiveRandom: as TestFollowRandom, for what real servers send.
func TestFollowActiveRandom(t *testing.T) {
	count := map[string]int{}
	server := netip.MustParseAddr("198.51.100.2")
	for seed := range uint64(300) {
		g := generator{rand.New(rand.NewPCG(seed, 4)), config.IPv4}
		side := g.activeSide()
		for range 8 {
			p := g.packet()
			p.From = netip.AddrPortFrom(server, p.From.Port())
			n := newNaive(side, g.family, p)
			end, mark := n.interpret(true)
			got := Follow(side, p, true)
			what := []any{"seed %d: %s: %s", seed, p, got.Outcome}
			fate, translated, _ := strings.Cut(got.Outcome, "; ")
			want, _, _ := strings.Cut(end, " ")
			require.Equal(t, want, fate, what...)
			require.Equal(t, n.end != "" && want == "forwarded", translated != "", what...)
			require.Equal(t, mark, got.Mark, what...)
			require.Equal(t, named(side, n.acted), named(side, rulesOf(got)), what...)
			count[fate]++
		}
	}
	t.Log(count)
	assert.True(t, slices.Min([]int{count["dropped"], count["forwarded"]}) > 0)
}
