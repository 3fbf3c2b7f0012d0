package firewall

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// A position is the order of a chain relative to lvsmark's chain, by hook and priority.
type position int

const (
	beforeMarks  position = iota
	samePriority          // the chain that was created last runs first
	afterMarks
)

// A hookPoint is a base chain that packets pass before they reach IPVS.
type hookPoint struct {
	chain    *chain
	position position
}

// priorityIPVS is the priority of ip_vs_remote_request in the input hook
// (net/netfilter/ipvs/ip_vs_core.c).
const priorityIPVS = nft.PriorityNATSource - 1

// hookPoints returns the base chains of the table on the way to IPVS.
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
		return hookPoint{c, afterMarks}, c.Priority <= priorityIPVS
	}
	return hookPoint{}, false
}

// prerouting returns the position of a chain of the prerouting hook. The kernel runs all
// nat chains at the priority of NAT; their own priority only orders them among each other.
func prerouting(c *chain) position {
	priority := c.Priority
	if c.Type == "nat" {
		priority = nft.PriorityNATDest
	}
	switch {
	case priority < nft.PriorityMangle:
		return beforeMarks
	case priority == nft.PriorityMangle:
		return samePriority
	}
	return afterMarks
}

// withMarks returns the parts with the mark that their packets have at the position:
// none before lvsmark's chain, the cluster's after it.
func (s position) withMarks(parts []part) []part {
	marked := slices.Clone(parts)
	none, unknown := &marking{}, &marking{unknown: true}
	for i := range marked {
		switch s {
		case beforeMarks:
			marked[i].mark = none
		case samePriority:
			marked[i].mark = unknown
		case afterMarks:
			marked[i].mark = marked[i].clusters
		}
	}
	return marked
}
