package verify

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// uncovered returns what decides about packets that the comparison does not follow: those of
// tunnels behind IPVS, later packets there, and chains whose order is not known.
func uncovered(kept, replaced []*oldconfig.Chain, tunnels []netip.Addr) []oldconfig.Remark {
	var list []oldconfig.Remark
	add := func(chains []*oldconfig.Chain, message string, decides func(*oldconfig.Rule) bool) {
		for _, c := range chains {
			for _, r := range c.Rules {
				if decides(r) {
					list = append(list, oldconfig.Remark{Line: r.Line, Message: message})
				}
			}
		}
	}
	const notFollowed = " of a packet that IPVS sends to a real server, which verify does not follow"
	all, marked := reached(kept, afterIPVS), marksDecide(kept)
	add(marked, "it may depend on the mark"+notFollowed, testsMark)
	add(without(all, marked), "it may depend on the mark"+notFollowed, func(r *oldconfig.Rule) bool {
		return testsMark(r) && meetsTunnel(r, tunnels)
	})
	add(reached(replaced, afterIPVS), "it may decide the way"+notFollowed, decides)
	add(reached(kept, besideMarks), "it tests the mark in a chain with the priority of lvsmark's: the order of the two depends on which is loaded first", testsMark)
	add(reached(slices.Concat(kept, replaced), besideIPVS), "it is in a chain with the priority of IPVS: the order of the two depends on which is loaded first", acts)
	return list
}

// marksDecide returns the chains behind IPVS in which a mark decides more than the comparison
// follows: what drops also later packets, whose mark is not that of the first one, and what
// changes destinations.
func marksDecide(kept []*oldconfig.Chain) []*oldconfig.Chain {
	all := reached(kept, afterIPVS)
	if slices.ContainsFunc(all, drops) {
		return all
	}
	return reached(kept, func(b *oldconfig.Base) bool { return b.Hook == oldconfig.Output && b.NAT })
}

func without(all, removed []*oldconfig.Chain) []*oldconfig.Chain {
	return slices.DeleteFunc(slices.Clone(all), func(c *oldconfig.Chain) bool { return slices.Contains(removed, c) })
}

func drops(c *oldconfig.Chain) bool {
	return c.Base != nil && c.Base.Drops || slices.ContainsFunc(c.Rules, decides)
}

func afterIPVS(b *oldconfig.Base) bool {
	return b.Hook == oldconfig.Output || b.Hook == oldconfig.Postrouting
}

func besideMarks(b *oldconfig.Base) bool {
	return b.Hook == oldconfig.Prerouting && b.Priority == int(nft.PriorityMangle) && !b.NAT
}

// besideIPVS: IPVS schedules at NF_IP_PRI_NAT_SRC - 1 (net/netfilter/ipvs/ip_vs_core.c).
func besideIPVS(b *oldconfig.Base) bool {
	return b.Hook == oldconfig.Input && b.Priority == int(nft.PriorityNATSource)-1 && !b.NAT
}

// acts reports whether the rule does more than count and log.
func acts(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.Kind != oldconfig.NoEffect }) {
			return true
		}
	}
	return false
}

// reached returns the chains that packets pass from base chains of one kind on.
func reached(chains []*oldconfig.Chain, from func(*oldconfig.Base) bool) []*oldconfig.Chain {
	var list []*oldconfig.Chain
	var visit func(c *oldconfig.Chain)
	visit = func(c *oldconfig.Chain) {
		if slices.Contains(list, c) {
			return
		}
		list = append(list, c)
		for _, r := range c.Rules {
			for at := r; at != nil; at = at.Then {
				for i := range at.Actions {
					if target := find(chains, c, at.Actions[i].Chain); target != nil {
						visit(target)
					}
				}
			}
		}
	}
	for _, c := range chains {
		if c.Base != nil && from(c.Base) {
			visit(c)
		}
	}
	return list
}

func find(chains []*oldconfig.Chain, from *oldconfig.Chain, name string) *oldconfig.Chain {
	i := slices.IndexFunc(chains, func(c *oldconfig.Chain) bool {
		return name != "" && c.Name == name && c.Table == from.Table && c.Family == from.Family
	})
	if i < 0 {
		return nil
	}
	return chains[i]
}

func testsMark(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Matches, func(m oldconfig.Match) bool { return m.Field == oldconfig.Mark || m.Field == oldconfig.ConnMark }) {
			return true
		}
	}
	return false
}

// decides reports whether a rule does more than set marks, count and log.
func decides(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool {
			return a.Kind == oldconfig.Drop || a.Kind == oldconfig.Opaque && !a.ToOriginal
		}) {
			return true
		}
	}
	return false
}
