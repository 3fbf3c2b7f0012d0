package firewall_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestFirstPackets: with marks: first-packet, rules that ask for the mark see it on the
// first packets of TCP connections only, and on every packet of UDP.
func TestFirstPackets(t *testing.T) {
	const (
		noMark = " (with marks: first-packet, later packets have no mark)"
		chain  = "table inet filter { chain in { type filter hook input priority filter - 200; policy drop; %s; }; }"
		table  = "table inet filter, chain in, "
		ftp    = "198.51.100.21 and 2 other VIPs (ports 21, 80, 443, 10000-20000)"
		ftp6   = "packets to 2001:db8::21 (ports 21, 10000-20000)"
	)
	for _, c := range []struct {
		name, rules        string
		everyPacket, first []string
	}{
		{"accepted by mark", "meta mark { 21, 53, 80 } accept", nil, []string{
			table + "policy drop: will drop packets to " + ftp + " after the first of a connection; " + ftp6 + " after the first of a connection; accept them before it, for example with `ip daddr 198.51.100.21 accept`, `ip6 daddr 2001:db8::21 accept`" + noMark,
		}},
		{"accepted by mark, or by address", "meta mark { 21, 53, 80 } accept; ip daddr 198.51.100.0/24 accept; ip6 daddr 2001:db8::/32 accept", nil, nil},
		{"dropped by mark", "meta mark 0 drop; accept", nil, []string{
			table + "rule handle 2 (meta mark 0x00000000 drop): will drop packets to " + ftp + " after the first of a connection; " + ftp6 + " after the first of a connection; accept them before it, for example with `ip daddr 198.51.100.21 accept`, `ip6 daddr 2001:db8::21 accept`" + noMark,
		}},
		{"another mark for later packets", "tcp flags & syn == 0 meta mark set 7; accept", []string{"set the mark"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inScratch(t, func() {
				run(t, strings.Replace(chain, "%s", c.rules, 1), "-f", "-")
				every := findings(t, parse(t, findingSpec))
				if len(c.everyPacket) == 0 {
					assert.Empty(t, every)
				} else {
					assert.Contains(t, every[0].String(), c.everyPacket[0])
				}
				var got []string
				for _, f := range findings(t, parse(t, strings.Replace(findingSpec, "bind: false", "bind: false, marks: first-packet", 1))) {
					got = append(got, f.String())
				}
				assert.Equal(t, c.first, got)
			})
		})
	}
}
