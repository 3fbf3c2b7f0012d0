package firewall

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// A side says whether packets meet a chain before or behind lvsmark's own.
type side int

const (
	beforeMarks side = iota
	besideMarks      // the same priority: the chain that was made last comes first
	behindMarks
)

// A hookPoint is a base chain that packets meet before IPVS takes them.
type hookPoint struct {
	chain *chain
	side  side
}

// priorityIPVS is that of ip_vs_remote_request in the input hook
// (net/netfilter/ipvs/ip_vs_core.c).
const priorityIPVS = nft.PriorityNATSource - 1

// hookPoints are the base chains of the table on the way to IPVS.
func (t *table) hookPoints() []hookPoint {
	var list []hookPoint
	for _, c := range t.chains {
		if at, ok := hookPointOf(c); ok {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b hookPoint) int { return cmp.Compare(a.chain.Name, b.chain.Name) })
	return list
}

func hookPointOf(c *chain) (hookPoint, bool) {
	if c.Type == "" {
		return hookPoint{}, false
	}
	switch c.table.Family {
	case nft.Netdev:
		return hookPoint{c, beforeMarks}, c.Hook == nft.NetdevIngress
	case nft.Inet, nft.IPv4, nft.IPv6:
	default:
		return hookPoint{}, false
	}
	switch {
	case c.Hook == nft.HookIngress:
		return hookPoint{c, beforeMarks}, true
	case c.Hook == nft.HookPrerouting:
		return hookPoint{c, prerouting(c)}, true
	case c.Hook == nft.HookInput && c.Type != "nat":
		return hookPoint{c, behindMarks}, c.Priority <= priorityIPVS
	}
	return hookPoint{}, false
}

// prerouting: all chains of type nat run at the priorities of NAT, and in the order of
// their own only among themselves.
func prerouting(c *chain) side {
	priority := c.Priority
	if c.Type == "nat" {
		priority = nft.PriorityNATDest
	}
	switch {
	case priority < nft.PriorityMangle:
		return beforeMarks
	case priority == nft.PriorityMangle:
		return besideMarks
	}
	return behindMarks
}

// at are parts of a spec's packets with the mark that they have at a hook point: none
// before lvsmark's chain, and the cluster's behind it.
func (s side) at(parts []part) []part {
	marked := slices.Clone(parts)
	none, unknown := &marking{}, &marking{unknown: true}
	for i := range marked {
		switch s {
		case beforeMarks:
			marked[i].mark = none
		case besideMarks:
			marked[i].mark = unknown
		case behindMarks:
			marked[i].mark = marked[i].clusters
		}
	}
	return marked
}
