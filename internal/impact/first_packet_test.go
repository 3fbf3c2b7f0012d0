package impact

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/nft"
)

// TestFirstPacketSwitched: IPVS finds a connection before it looks at the mark, so a switch
// of marks changes nothing for connections, and the first packets keep their marks. If the
// ports change too, that is reported as without the switch.
func TestFirstPacketSwitched(t *testing.T) {
	const every = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {}, real-servers: [{address: 10.0.0.11}]}]\n"
	const first = every + "director: {marks: first-packet}\n"
	for _, c := range []struct{ before, after string }{{every, first}, {first, every}} {
		in := plan(t, c.before, c.after, busyConnections())
		require.NotEmpty(t, in.Changes.Ruleset)
		assert.Equal(t, slices.Repeat([]Impact{{Effect: Safe}}, len(in.Changes.Ruleset)), Analyze(in).Ruleset)
	}
	var drains []string
	for _, i := range Analyze(plan(t, first, change(t, every, "ftp: {}", "ftp: {passive-ports: 10000-15000}"), busyConnections())).Ruleset {
		if i.Effect != Safe {
			drains = append(drains, i.Detail)
		}
	}
	assert.Equal(t, []string{"no new connections to ports 15001-20000 of fwmark 21 (ftp)"}, drains)
}

// TestFirstPacketAlike changes random specs: with first-packet before, after, or both, the same
// packets lose or exchange their marks as without it.
func TestFirstPacketAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	affected := 0
	for range 30 {
		from := specgen.Spec(r)
		to := specgen.Near(r, from)
		compiled := func(spec *config.Spec, marks config.MarkedPackets) *nft.Ruleset {
			marked := specgen.Check(spec)
			marked.Director.Marks = marks
			return nft.Compile(marked)
		}
		var want []string
		for i, marks := range [][2]config.MarkedPackets{
			{config.EveryPacket, config.EveryPacket},
			{config.FirstPacket, config.FirstPacket},
			{config.EveryPacket, config.FirstPacket},
			{config.FirstPacket, config.EveryPacket},
		} {
			got := effectsOf(compare(compiled(from, marks[0]), compiled(to, marks[1])))
			if i == 0 {
				want, affected = got, affected+len(got)
			}
			if !slices.Equal(want, got) {
				require.Equal(t, want, got, "%v: %s\nto %s", marks, specgen.YAML(from), specgen.YAML(to))
			}
		}
	}
	assert.NotZero(t, affected)
}

// effectsOf returns what changes do to packets, without the changes that cause it.
func effectsOf(c *consequences) []string {
	var list []string
	for i := range c.changes {
		found := c.of(i)
		for _, m := range found.markChanges {
			list = append(list, fmt.Sprintf("%s %s %d->%d %v", m.vips, m.PortRange, m.Mark, m.to, m.some))
		}
		if found.untranslated {
			list = append(list, "untranslated")
		}
		if found.localClients {
			list = append(list, "local clients")
		}
	}
	slices.Sort(list)
	return list
}
