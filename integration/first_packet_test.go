package integration_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestFirstPacket transfers files with marks on first packets alone: IPVS finds the
// connections of all other packets. Data connections reach the real server of their control
// connection.
func TestFirstPacket(t *testing.T) {
	for _, method := range []config.Forwarding{config.NAT, config.Direct, config.Tunnel} {
		t.Run(method.String(), func(t *testing.T) {
			c := newCluster(t, lab.Options{Forwarding: method})
			c.marks = "first-packet"
			c.start(t)
			_, err := c.lab.Director.RunInput(countPackets, "nft", "-f", "-")
			require.NoError(t, err)
			source := lab.VIP
			if method == config.NAT {
				source = lab.Outgoing
			}
			c.run(t, c.eachMode(), source)
			first, later, marked := c.packets(t, "first"), c.packets(t, "later"), c.packets(t, "marked")
			t.Logf("%d packets with SYN and the mark, %d other packets, %d of them with the mark", first, later, marked)
			assert.GreaterOrEqual(t, first, 2*len(c.eachMode()), "control connections, and passive data or answers to active data")
			assert.Greater(t, later, 5*first)
			assert.Zero(t, marked)
		})
	}
}

// countPackets counts TCP packets to the VIPs by SYN and mark, behind the chain that sets
// the marks.
const countPackets = `table inet count {
	counter first { }
	counter later { }
	counter marked { }
	chain c {
		type filter hook input priority filter
		tcp flags & syn == syn meta mark 21 counter name first accept
		tcp flags & syn == 0 counter name later
		tcp flags & syn == 0 meta mark != 0 counter name marked
	}
}
`

// packets returns a counter of countPackets.
func (c *cluster) packets(t *testing.T, counter string) int {
	t.Helper()
	text, err := c.lab.Director.Run("nft", "list", "counter", "inet", "count", counter)
	require.NoError(t, err)
	_, text, _ = strings.Cut(text, "packets ")
	digits, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return n
}
