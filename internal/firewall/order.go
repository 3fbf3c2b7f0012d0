package firewall

import (
	"maps"
	"slices"
)

// Each base chain is followed with the marks of the clusters, so that each finding stands for
// itself. Packets whose mark a rule has surely changed are followed through later base chains once
// more, without findings: rules there may set the mark back.

// followRemarked follows packets with another mark than the cluster's through base chains of one
// place in the order of the kernel. own are those whose mark each of the chains changes. Among
// several chains, the one that was created last runs first, which is unknown: there any of them
// may have computed the mark.
func (w *walk) followRemarked(chains []hookPoint, own [][]part) {
	if len(chains) == 1 {
		w.remarked = mergedParts(append(w.remarkedIn(chains[0], w.remarked), own[0]...))
		return
	}
	earlier := w.remarked
	w.remarked = forgetLost(mergedParts(slices.Concat(earlier, slices.Concat(own...))))
	for i, at := range chains {
		others := slices.Concat(slices.Delete(slices.Clone(own), i, i+1)...)
		w.remarkedIn(at, forgetLost(mergedParts(slices.Concat(earlier, others))))
	}
}

// remarkedIn follows packets with another mark than the cluster's through a base chain, and
// returns those that it leaves so.
func (w *walk) remarkedIn(at hookPoint, parts []part) []part {
	var passing, others []part
	for _, p := range parts {
		if len(at.translated(w.space, []part{p})) > 0 {
			passing = append(passing, p)
		} else {
			others = append(others, p)
		}
	}
	if len(passing) == 0 {
		return others
	}
	w.quiet = true
	defer func() { w.quiet = false }()
	return append(others, remarkedOf(w.baseChain(at, passing))...)
}

// remarkedOf returns the parts with another mark than the cluster's.
func remarkedOf(parts []part) (list []part) {
	for _, p := range parts {
		if p.clusters != nil && p.mark.lost {
			p.accepted = nil
			list = append(list, p)
		}
	}
	return mergedParts(list)
}

// together follows the packets through base chains of one place in the order of the kernel. Of
// each chain it returns the packets with another mark than the cluster's. If a chain changes what
// others test, all of them are followed again, as any of them may run first.
func (w *walk) together(chains []hookPoint, all []part) (own [][]part) {
	w.toHost = nil
	if len(chains) == 1 {
		own, _ = w.inOrder(chains, all, nil)
		return own
	}
	ahead, changed, before := w.reportedAhead, w.changed, w.checkpoint()
	own, reported := w.inOrder(chains, all, make([][]part, len(chains)))
	if w.changed != changed || slices.ContainsFunc(reported, func(r []part) bool { return len(r) > 0 }) {
		w.reportedAhead, w.toHost = ahead, nil
		before.restore(w)
		own, _ = w.inOrder(chains, all, reported)
	}
	for _, p := range w.toHost { // the chain that does it may run last
		w.setsBack(SetsType, p, laterType)
	}
	return own
}

// inOrder follows the packets through base chains. others are, by chain, packets whose mark its
// rules set, perhaps; nil: there is one chain. It returns these packets, and those with another
// mark than the cluster's.
func (w *walk) inOrder(chains []hookPoint, all []part, others [][]part) (own, reported [][]part) {
	ahead, previous := w.reportedAhead, w.previous
	for i, at := range chains {
		w.markedByOther = w.markedByOther || w.changed.mark
		w.forgetMarks(previous, at)
		previous = at
		if at.chain.Type == "nat" {
			at.conditions = w.natConditions(at.conditions)
		}
		w.reported = nil
		w.reportedAhead = slices.Concat(slices.Concat(reported...), ahead)
		for j := i + 1; j < len(others); j++ {
			w.reportedAhead = append(w.reportedAhead, others[j]...)
		}
		own = append(own, remarkedOf(w.baseChain(at, w.withMarks(at.position, at.translated(w.space, all)))))
		reported = append(reported, w.reported)
	}
	w.reported, w.reportedAhead = nil, mergedParts(slices.Concat(slices.Concat(reported...), ahead))
	return own, reported
}

// A checkpoint has the findings of a walk before some chains.
type checkpoint struct {
	known    map[findingKey]*Finding
	order    []*Finding
	contents []Finding // of order, which later chains change
}

func (w *walk) checkpoint() checkpoint {
	c := checkpoint{known: maps.Clone(w.findings), order: slices.Clone(w.order)}
	for _, f := range w.order {
		content := *f
		content.packets = slices.Clone(f.packets)
		c.contents = append(c.contents, content)
	}
	return c
}

func (c checkpoint) restore(w *walk) {
	w.findings, w.order = c.known, c.order
	for i, f := range c.order {
		*f = c.contents[i]
	}
}
