package exact

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Follow returns what a side does with one packet: one to a VIP, or, if active, one that a
// real server sends through the director.
func Follow(side Side, p Packet, active bool) Treatment {
	family := config.FamilyOf(p.To.Addr())
	way := toVIPs()
	if active {
		way = fromServers()
	}
	named := side
	if p.Device != "" { // else it would be one that no rule names, even if it is named
		r := &oldconfig.Rule{Matches: []oldconfig.Match{{Names: []string{p.Device}}}}
		named.Chains = append([]*oldconfig.Chain{{Rules: []*oldconfig.Rule{r}}}, side.Chains...)
	}
	c := newCompiler(family, way, newDevices(named), side)
	c.follows = true
	var behind []baseChain
	if !active {
		behind = c.sentChains(side)
	}
	m := &machine{state: p.State, assumed: map[question]bool{}}
	t := m.follow(c, c.program(side, behind), p)
	if k := kindOf(uint64(p.Flags)); p.Protocol == uint8(config.TCP) && k == later && t.end.fate == serving {
		t.Outcome = "not the first packet of a connection: IPVS sends it where the first one went"
	}
	t.Group = t.end.group
	return t.Treatment
}
