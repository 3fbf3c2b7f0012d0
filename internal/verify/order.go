package verify

import "github.com/lvsmark/lvsmark/internal/oldconfig"

// unordered returns base chains of several tables with the same priority, if the mark or a
// translation depends on their order. The one that was created last runs first, and only the
// chains of one table are listed in the order of their creation.
func unordered(chains []*oldconfig.Chain) (list []oldconfig.Remark) {
	var bases []*oldconfig.Chain
	does := map[*oldconfig.Chain]effects{}
	for _, c := range chains {
		if c.Base == nil {
			continue
		}
		for _, before := range bases {
			if samePlace(before, c) && (before.Table != c.Table || before.File != c.File) {
				for _, of := range []*oldconfig.Chain{before, c} {
					if _, known := does[of]; !known {
						does[of] = effectsOf(reached(chains, func(b *oldconfig.Base) bool { return b == of.Base }))
					}
				}
				if does[before].depend(does[c]) || does[c].depend(does[before]) {
					list = append(list, oldconfig.NewRemark(c.Line,
						"chain %s and chain %s of table %s have the same priority: the order of the two depends on which is loaded first", c.Name, before.Name, before.Table))
				}
			}
		}
		bases = append(bases, c)
	}
	return list
}

// samePlace reports whether packets pass both base chains at the same priority of one hook.
func samePlace(a, b *oldconfig.Chain) bool {
	return a.Family == b.Family && a.Base.Hook == b.Base.Hook && a.Base.Priority == b.Base.Priority && a.Base.NAT == b.Base.NAT
}

// effects are what the rules of a base chain do with marks and addresses.
type effects struct{ tests, sets, translates bool }

func effectsOf(chains []*oldconfig.Chain) (e effects) {
	for _, c := range chains {
		for _, r := range c.Rules {
			e.tests = e.tests || testsMark(r)
			for at := r; at != nil; at = at.Then {
				for i := range at.Actions {
					e.add(at.Actions[i].Kind)
				}
			}
		}
	}
	return e
}

func (e *effects) add(kind oldconfig.ActionKind) {
	switch kind {
	case oldconfig.SetMark, oldconfig.SetConnMark:
		e.sets = true
	case oldconfig.RestoreMark, oldconfig.SaveMark:
		e.sets, e.tests = true, true
	case oldconfig.TranslateDestination, oldconfig.TranslateSource:
		e.translates = true
	}
}

// depend reports whether what a chain does depends on the other one being ahead of it.
func (e effects) depend(other effects) bool {
	return other.sets && (e.sets || e.tests) || other.translates && e.translates
}
