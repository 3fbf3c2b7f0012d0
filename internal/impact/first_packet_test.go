package impact

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
