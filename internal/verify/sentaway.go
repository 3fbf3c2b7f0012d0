package verify

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// sentAway returns rules that stay and test the mark of packets to a VIP that a rule sends to another
// host by a translation: IPVS does not get those, and the comparison does not follow them behind
// the routing. Only a mark that the spec does not set makes a difference.
func sentAway(chains, kept, replaced []*oldconfig.Chain, spec *config.Spec) (list []oldconfig.Remark) {
	for _, family := range config.Families() {
		if !losesMark(replaced, spec, family) {
			continue
		}
		away := awayRule(reached(chains, func(b *oldconfig.Base) bool { return b.Hook == oldconfig.Prerouting && b.NAT }), family)
		if away == nil {
			continue
		}
		for _, c := range reached(kept, behindRouting) {
			for _, r := range c.Rules {
				if c.Family == family && testsMark(r) && acts(r) {
					list = append(list, oldconfig.NewRemark(r.Line,
						"it may depend on the mark of a packet that %s sends to another host, which verify does not follow", away.Line))
				}
			}
		}
	}
	return list
}

func behindRouting(b *oldconfig.Base) bool {
	return b.Hook == oldconfig.Forward || b.Hook == oldconfig.Postrouting
}

// awayRule returns a rule that translates destinations to addresses, which may be of other hosts; nil:
// there is none.
func awayRule(chains []*oldconfig.Chain, family oldconfig.Family) *oldconfig.Rule {
	for _, c := range chains {
		for _, r := range c.Rules {
			for at := r; at != nil && c.Family == family; at = at.Then {
				if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool {
					return a.Kind == oldconfig.TranslateDestination && len(a.To) > 0 && !a.ToDevice
				}) {
					return r
				}
			}
		}
	}
	return nil
}

// losesMark reports whether a rule that the spec replaces may give a packet another mark than those of
// the spec.
func losesMark(replaced []*oldconfig.Chain, spec *config.Spec, family oldconfig.Family) bool {
	bound := map[uint32]bool{0: true}
	for _, b := range spec.Bindings(family) {
		bound[b.Mark] = true
	}
	other := func(a oldconfig.Action) bool {
		switch {
		case a.Kind == oldconfig.RestoreMark:
			return true
		case a.Kind != oldconfig.SetMark:
			return false
		case a.SetMarkByAddr != nil:
			return slices.ContainsFunc(a.SetMarkByAddr, func(m oldconfig.MarkOf) bool { return !bound[m.Mark] })
		}
		return a.And != 0 || !bound[a.Xor]
	}
	for _, c := range replaced {
		for _, r := range c.Rules {
			for at := r; at != nil && c.Family == family; at = at.Then {
				if slices.ContainsFunc(at.Actions, other) {
					return true
				}
			}
		}
	}
	return false
}
