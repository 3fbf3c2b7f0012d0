package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// conditions are those of the key only. Rules with the same sets share them.
type conditions struct {
	nft.Selection
	known map[*conditions]bool // results of includes
}

// knownConditions has the conditions of one table, by their sets.
type knownConditions map[nft.Selection]*conditions

func (k knownConditions) of(s nft.Selection) *conditions {
	if k[s] == nil {
		k[s] = &conditions{s, map[*conditions]bool{}}
	}
	return k[s]
}

// includes reports whether packets that meet the conditions of other meet those of c; nil
// is no condition.
func (c *conditions) includes(other *conditions) bool {
	if c == nil || other == nil {
		return c == nil
	}
	result, ok := c.known[other]
	if !ok {
		result = c.Includes(other.Selection)
		c.known[other] = result
	}
	return result
}

// compareRestricted returns the marked ranges of ports whose mark changes for some packets.
func compareRestricted(vips config.AddressRange, before, after []restrictedPorts) []markChange {
	var list []markChange
	for _, old := range before {
		for _, piece := range old.pieces(slices.Concat(before, after)) {
			change := markChange{vips: vips, MarkedPorts: firewall.MarkedPorts{PortRange: piece, Mark: old.Mark}}
			change.to, change.some = old.after(piece, after)
			if change.to == old.Mark && !change.some {
				change.to, change.some = old.takenBy(piece, before, after)
			}
			if change.to != old.Mark || change.some {
				list = appendJoined(list, change)
			}
		}
	}
	return list
}

// appendJoined appends a change, or extends the last one if that has adjacent ports.
func appendJoined(list []markChange, c markChange) []markChange {
	if n := len(list) - 1; n >= 0 {
		last := list[n]
		if last.Mark == c.Mark && last.to == c.to && last.some == c.some && last.Protocol == c.Protocol && int(last.High)+1 == int(c.Low) {
			list[n].High = c.High
			return list
		}
	}
	return append(list, c)
}

// pieces divides the ports at the ends of other ranges.
func (p restrictedPorts) pieces(others []restrictedPorts) []config.PortRange {
	starts := []int{int(p.Low)}
	for _, other := range others {
		if other.Overlaps(p.PortRange) {
			starts = append(starts, max(int(other.Low), int(p.Low)), int(other.High)+1)
		}
	}
	slices.Sort(starts)
	starts = slices.DeleteFunc(slices.Compact(starts), func(start int) bool { return start > int(p.High) })
	pieces := make([]config.PortRange, len(starts))
	for i, start := range starts {
		end := int(p.High)
		if i+1 < len(starts) {
			end = starts[i+1] - 1
		}
		pieces[i] = config.PortRange{Protocol: p.Protocol, Low: uint16(start), High: uint16(end)}
	}
	return pieces
}

// after returns the mark that packets of p to a part of its ports get after the change, and
// whether that depends on conditions that they may not meet.
func (p restrictedPorts) after(piece config.PortRange, after []restrictedPorts) (mark uint32, narrower bool) {
	for _, next := range after {
		switch {
		case !next.Overlaps(piece):
		case next.Mark == p.Mark && next.only.includes(p.only):
			return p.Mark, false
		case next.Mark == p.Mark:
			mark, narrower = p.Mark, true
		case next.only == nil && !narrower:
			mark = next.Mark
		}
	}
	return mark, narrower
}

// takenBy returns the mark that some packets of p to a part of its ports get after the
// change, because a rule that comes first marks more packets; else that of p.
func (p restrictedPorts) takenBy(piece config.PortRange, before, after []restrictedPorts) (mark uint32, some bool) {
	rank := p.rank(before)
	for _, next := range after {
		if next.Mark == p.Mark || !next.Overlaps(piece) || next.rank(after) >= rank {
			continue
		}
		if !slices.ContainsFunc(before, func(old restrictedPorts) bool {
			return old.Mark == next.Mark && old.Overlaps(piece) && old.rank(before) < rank && old.only.includes(next.only)
		}) {
			return next.Mark, next.only != nil
		}
	}
	return p.Mark, false
}

// rank orders rules for the same VIP: those for ports come before those for all ports, and
// those with conditions before those without. Only a rule for all ports has port 0.
func (p restrictedPorts) rank(list []restrictedPorts) int {
	rank := 0
	if p.only == nil {
		rank = 1
	}
	if slices.ContainsFunc(list, func(o restrictedPorts) bool {
		return o.Low == 0 && o.Mark == p.Mark && o.Protocol == p.Protocol
	}) {
		rank += 2
	}
	return rank
}

// changedSelections returns the changes of elements in the sets of conditions: without an
// element, or with a further sender that is excluded, other packets get the mark.
func (c *consequences) changedSelections(before, after *nft.Ruleset) (changes []int) {
	sets := selectionSets(before, after)
	for i := range c.changes {
		if o := c.changes[i].Object(); o.IsElement() && sets[o.Set] {
			changes = append(changes, i)
		}
	}
	return changes
}

// selectionSets returns the sets with the conditions of the mark rules.
func selectionSets(rulesets ...*nft.Ruleset) map[*nft.Set]bool {
	sets := map[*nft.Set]bool{}
	for _, ruleset := range rulesets {
		for _, t := range ruleset.Tables {
			for _, c := range t.Chains {
				for _, r := range c.Rules {
					only := onlyOf(t, r)
					sets[only.Sources], sets[only.Devices], sets[only.ExceptMACs] = true, true, true
				}
			}
		}
	}
	return sets
}
