package iptables

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// deviceBoxes returns the alternatives of hash:net,iface, whose device is the one by which the
// packet comes in.
func deviceBoxes(elements []element, d []direction, not bool) ([]conjunct, bool) {
	byDevice := map[string][]element{}
	for _, e := range elements {
		byDevice[e.device] = append(byDevice[e.device], e)
	}
	alternatives := []conjunct{}
	names := slices.Sorted(maps.Keys(byDevice))
	for _, name := range names {
		in, ok := unionOf(byDevice[name])
		if !ok {
			return nil, false
		}
		alternatives = append(alternatives, conjunct{
			{Field: oldconfig.InDevice, Names: []string{name}},
			{Field: d[0].address(), In: in, Not: not},
		})
	}
	if not {
		alternatives = append(alternatives, conjunct{{Field: oldconfig.InDevice, Names: names, Not: true}})
	}
	return alternatives, d[1].source
}

// otherBoxes returns the alternatives of sets with an address, a port, and another address: those
// of the address and port for each range of the other address, of which no two overlap.
func otherBoxes(elements []element, d []direction, not bool) ([]conjunct, bool) {
	const maxElements = 1000 // each is compared with each range
	if len(elements) > maxElements {
		return nil, false
	}
	alternatives := []conjunct{}
	var all []oldconfig.Range
	for _, part := range otherParts(elements) {
		own, ok := boxes(part.elements, d, not)
		if !ok {
			return nil, false
		}
		all = append(all, part.others...)
		other := oldconfig.Match{Field: d[2].address(), In: part.others}
		for _, c := range own {
			alternatives = append(alternatives, slices.Concat(c, conjunct{other}))
		}
	}
	if not {
		alternatives = append(alternatives, conjunct{{Field: d[2].address(), In: union(all), Not: true}})
	}
	return alternatives, true
}

// An otherPart is ranges of the other address with the same elements.
type otherPart struct {
	others   []oldconfig.Range
	elements []element
}

func otherParts(elements []element) (parts []otherPart) {
	place := map[string]int{}
	for _, r := range disjoint(elements) {
		var own []element
		key := ""
		for i, e := range elements {
			if touch(e.others, []oldconfig.Range{r}) {
				own, key = append(own, e), key+fmt.Sprintf("%d ", i)
			}
		}
		at, found := place[key]
		if !found {
			at = len(parts)
			place[key] = at
			parts = append(parts, otherPart{elements: own})
		}
		parts[at].others = append(parts[at].others, r)
	}
	return parts
}

// disjoint returns the ranges between the ends of the other addresses.
func disjoint(elements []element) (ranges []oldconfig.Range) {
	var all []oldconfig.Range
	for _, e := range elements {
		all = append(all, e.others...)
	}
	var cuts []oldconfig.Number // ranges end ahead of them; 0: behind the last address
	for _, r := range all {
		cuts = append(cuts, r.Low, next(r.High))
	}
	slices.SortFunc(cuts, oldconfig.Number.Compare)
	cuts = slices.Compact(cuts)
	for _, joined := range union(all) {
		low := joined.Low
		for at, _ := slices.BinarySearchFunc(cuts, next(low), oldconfig.Number.Compare); at < len(cuts) && cuts[at].Compare(joined.High) <= 0; at++ {
			ranges = append(ranges, oldconfig.Range{Low: low, High: previous(cuts[at])})
			low = cuts[at]
		}
		ranges = append(ranges, oldconfig.Range{Low: low, High: joined.High})
	}
	return ranges
}
