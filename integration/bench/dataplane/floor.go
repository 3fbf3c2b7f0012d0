package dataplane

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// floorMark is the mark of packets to any address.
const floorMark = 21

// knowsNoVIP: the peer marks by the port alone.
func (p peer) knowsNoVIP() bool { return p == nftFloor || p == nftLeast }

// floorText returns rules that test the ports and no VIP: simple rules, or those of
// lvsmark with a network that contains the destinations of all streams.
func (p peer) floorText(s site) string {
	low, high := s.passive(0)
	rules := `tcp dport %[2]d-%[3]d meta mark set %[4]d accept
		tcp dport %[5]d meta mark set %[4]d`
	if p == nftLeast {
		protocol, network := "ip protocol", "10.0.0.0/8"
		if s.family == config.IPv6 {
			protocol, network = "meta l4proto", "2001::/16"
		}
		rules = protocol + ` != tcp accept
		th dport %[5]d meta mark set %[4]d
		%[6]s daddr ` + network + ` th dport %[2]d-%[3]d meta mark set %[4]d`
	}
	return fmt.Sprintf(`table %[6]s floor {
	chain marking {
		type filter hook prerouting priority %[1]d; policy accept;
		`+rules+`
	}
}
`, mangle, low, high, floorMark, controlPort, s.table())
}

// knowsNoPort: the peer marks by the VIP alone.
func (p peer) knowsNoPort() bool { return p == nftMaps }

// mapsText returns rules that look up the VIP without other tests: the minimum cost in
// nft of a different mark for each VIP. With several port profiles, they find the
// profile of the VIP first.
func mapsText(s site) string {
	marks := make([]strings.Builder, s.profiles)
	var profiles strings.Builder
	for i := range s.vips {
		k := i % s.profiles
		fmt.Fprintf(&marks[k], "%s : %d, ", s.vip(i), s.mark(i))
		fmt.Fprintf(&profiles, "%s : jump profile%d, ", s.vip(i), k)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "table %s maps {\n", s.table())
	for k := range marks {
		fmt.Fprintf(&b, "\tmap marks%d { type %s : mark; size %d; elements = { %s} }\n", k, s.addressType(), s.vips, marks[k].String())
	}
	rule := fmt.Sprintf("meta mark set %s daddr map @marks0", s.table())
	if s.profiles > 1 {
		for k := range marks {
			fmt.Fprintf(&b, "\tchain profile%d { meta mark set %s daddr map @marks%d; }\n", k, s.table(), k)
		}
		fmt.Fprintf(&b, "\tmap vips { type %s : verdict; size %d; elements = { %s} }\n", s.addressType(), s.vips, profiles.String())
		rule = s.table() + " daddr vmap @vips"
	}
	fmt.Fprintf(&b, "\tchain marking {\n\t\ttype filter hook prerouting priority %d; policy accept;\n\t\t%s\n\t}\n}\n", mangle, rule)
	return b.String()
}
