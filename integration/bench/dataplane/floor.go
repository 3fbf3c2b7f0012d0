package dataplane

import (
	"fmt"
	"strings"
)

// floorMark is given to packets to any address.
const floorMark = 21

// knowsNoVIP: the peer marks by the port alone.
func (p peer) knowsNoVIP() bool { return p == nftFloor || p == nftLeast }

// floorText tests the ports and knows no VIP: in rules as one writes them, or in
// those of lvsmark, with a network that holds what all streams go to.
func (p peer) floorText(s site) string {
	low, high := s.passive(0)
	rules := `tcp dport %[2]d-%[3]d meta mark set %[4]d accept
		tcp dport %[5]d meta mark set %[4]d`
	if p == nftLeast {
		rules = `ip protocol != tcp accept
		th dport %[5]d meta mark set %[4]d
		ip daddr 10.0.0.0/8 th dport %[2]d-%[3]d meta mark set %[4]d`
	}
	return fmt.Sprintf(`table ip floor {
	chain marking {
		type filter hook prerouting priority %[1]d; policy accept;
		`+rules+`
	}
}
`, mangle, low, high, floorMark, controlPort)
}

// knowsNoPort: the peer marks by the VIP alone.
func (p peer) knowsNoPort() bool { return p == nftMaps }

// mapsText looks the VIP up and tests nothing: the least that a mark of each VIP's
// own costs in nft. Where there are port profiles it has to be found first which
// ports the VIP has.
func mapsText(s site) string {
	marks := make([]strings.Builder, s.profiles)
	var profiles strings.Builder
	for i := range s.vips {
		k := i % s.profiles
		fmt.Fprintf(&marks[k], "%s : %d, ", s.vip(i), s.mark(i))
		fmt.Fprintf(&profiles, "%s : jump profile%d, ", s.vip(i), k)
	}
	var b strings.Builder
	b.WriteString("table ip maps {\n")
	for k := range marks {
		fmt.Fprintf(&b, "\tmap marks%d { type ipv4_addr : mark; size %d; elements = { %s} }\n", k, s.vips, marks[k].String())
	}
	rule := "meta mark set ip daddr map @marks0"
	if s.profiles > 1 {
		for k := range marks {
			fmt.Fprintf(&b, "\tchain profile%d { meta mark set ip daddr map @marks%d; }\n", k, k)
		}
		fmt.Fprintf(&b, "\tmap vips { type ipv4_addr : verdict; size %d; elements = { %s} }\n", s.vips, profiles.String())
		rule = "ip daddr vmap @vips"
	}
	fmt.Fprintf(&b, "\tchain marking {\n\t\ttype filter hook prerouting priority %d; policy accept;\n\t\t%s\n\t}\n}\n", mangle, rule)
	return b.String()
}
