package firewall_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// TestMarksOfFewAddresses: the marks of one address of a large map, by single addresses and by
// networks, which have no binary search.
func TestMarksOfFewAddresses(t *testing.T) {
	for flags, key := range map[string]string{"": "198.51.%d.21", "flags interval; ": "198.51.%d.16/28"} {
		var elements []string
		for i := range 99 {
			elements = append(elements, fmt.Sprintf(key+" : %d", i, 1+i))
		}
		inScratch(t, func() {
			run(t, "table ip t {\n\tmap m { type ipv4_addr : mark; "+flags+"elements = { "+strings.Join(elements, ", ")+
				" }; }\n\tchain c {\n\t\ttype filter hook prerouting priority 0\n\t\ttcp dport 21 meta mark set ip daddr map @m\n\t}\n}\n", "-f", "-")
			vip := netip.MustParseAddr("198.51.42.21")
			marks := firewall.Marks(&nft.Ruleset{Tables: readAll(t)}, firewall.MarkQuery{Addresses: []netip.Addr{vip}})
			ports := []firewall.MarkedPorts{{PortRange: config.PortRange{Protocol: config.TCP, Low: 21, High: 21}, Mark: 43}}
			assert.Equal(t, []firewall.MarkedAddresses{{First: vip, Last: vip, Ports: ports}}, marks, flags)
		})
	}
}
