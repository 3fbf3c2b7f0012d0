package iptables

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// unionOf returns the addresses of the elements. The most specific network decides, so an
// element with nomatch takes addresses out of larger ones.
func unionOf(elements []element) ([]oldconfig.Range, bool) {
	if !hasNoMatch(elements) {
		var ranges []oldconfig.Range
		for _, e := range elements {
			ranges = append(ranges, e.addresses...)
		}
		return union(ranges), true
	}
	const maxSubtractions = 1000
	spans := slices.ContainsFunc(elements, func(e element) bool { return e.spans }) // ipset makes networks of several lengths of it
	if spans || len(elements) > maxSubtractions {
		return nil, false
	}
	elements = slices.Clone(elements)
	slices.SortStableFunc(elements, func(a, b element) int { return a.length - b.length })
	var ranges []oldconfig.Range
	for _, e := range elements {
		if e.noMatch {
			ranges = subtract(ranges, e.addresses[0])
		} else {
			ranges = union(append(ranges, e.addresses...))
		}
	}
	return ranges, true
}

// union returns the ranges in order, with those that overlap or touch joined.
func union(ranges []oldconfig.Range) []oldconfig.Range {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b oldconfig.Range) int { return a.Low.Compare(b.Low) })
	var joined []oldconfig.Range
	for _, r := range ranges {
		if last := len(joined) - 1; last >= 0 && (r.Low.Compare(joined[last].High) <= 0 || r.Low == next(joined[last].High)) {
			if r.High.Compare(joined[last].High) > 0 {
				joined[last].High = r.High
			}
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// subtract returns the ranges without those of hole.
func subtract(ranges []oldconfig.Range, hole oldconfig.Range) (rest []oldconfig.Range) {
	for _, r := range ranges {
		if r.High.Compare(hole.Low) < 0 || r.Low.Compare(hole.High) > 0 {
			rest = append(rest, r)
			continue
		}
		if r.Low.Compare(hole.Low) < 0 {
			rest = append(rest, oldconfig.Range{Low: r.Low, High: previous(hole.Low)})
		}
		if r.High.Compare(hole.High) > 0 {
			rest = append(rest, oldconfig.Range{Low: next(hole.High), High: r.High})
		}
	}
	return rest
}

func next(n oldconfig.Number) oldconfig.Number {
	n.Low++
	if n.Low == 0 {
		n.High++
	}
	return n
}

func previous(n oldconfig.Number) oldconfig.Number {
	if n.Low == 0 {
		n.High--
	}
	n.Low--
	return n
}

// portBoxes returns the alternatives of bitmap:port: ports of TCP and UDP.
func portBoxes(elements []element, d direction, not bool) []conjunct {
	var ports []oldconfig.Range
	for _, e := range elements {
		ports = append(ports, e.port)
	}
	protocols := oldconfig.Match{Field: oldconfig.Protocol, In: []oldconfig.Range{one(6), one(17)}}
	in := oldconfig.Match{Field: d.port(), In: union(ports), Not: not}
	if !not {
		return []conjunct{{protocols, in}}
	}
	return outside(protocols, conjunct{in})
}

// outside returns the alternatives to a test of ports of some protocols: other protocols,
// fragments that have no ports, and the packets of inside.
func outside(protocols oldconfig.Match, inside ...conjunct) []conjunct {
	others := protocols
	others.Not = true
	fragment := oldconfig.Match{Field: oldconfig.LaterFragment, In: []oldconfig.Range{one(1)}}
	alternatives := []conjunct{{others}, {protocols, fragment}}
	for _, c := range inside {
		alternatives = append(alternatives, slices.Concat(conjunct{protocols}, c))
	}
	return alternatives
}

// A box is a part of a set with addresses and ports: the ports of one protocol with the
// same addresses.
type box struct {
	ports     []oldconfig.Range
	addresses []oldconfig.Range
}

// boxes returns the alternatives of a set of addresses and ports.
func boxes(elements []element, d []direction, not bool) ([]conjunct, bool) {
	alternatives := []conjunct{} // none: no packet is in the set
	var with []oldconfig.Range   // protocols of the set
	byProtocol := map[uint64][]element{}
	for _, e := range elements {
		if e.noMatch {
			return nil, false
		}
		if byProtocol[e.protocol] == nil {
			with = append(with, one(e.protocol))
		}
		byProtocol[e.protocol] = append(byProtocol[e.protocol], e)
	}
	for _, r := range with {
		protocol := oldconfig.Match{Field: oldconfig.Protocol, In: []oldconfig.Range{r}}
		parts, ok := boxesOf(byProtocol[r.Low.Low])
		if !ok {
			return nil, false
		}
		switch ported := hasPorts(r.Low.Low); {
		case !not:
			alternatives = append(alternatives, inside(protocol, parts, d, ported)...)
		case ported:
			alternatives = append(alternatives, outside(protocol, notInside(parts, d)...)[1:]...)
		default:
			in := oldconfig.Match{Field: d[0].address(), In: parts[0].addresses, Not: true}
			alternatives = append(alternatives, conjunct{protocol, in})
		}
	}
	if not {
		alternatives = append(alternatives, conjunct{{Field: oldconfig.Protocol, In: with, Not: true}})
	}
	return alternatives, true
}

func inside(protocol oldconfig.Match, parts []box, d []direction, ported bool) (alternatives []conjunct) {
	for _, b := range parts {
		c := conjunct{protocol, {Field: d[0].address(), In: b.addresses}}
		if ported {
			c = append(c, oldconfig.Match{Field: d[1].port(), In: b.ports})
		}
		alternatives = append(alternatives, c)
	}
	return alternatives
}

// notInside returns the alternatives of packets with a port that are in no box.
func notInside(parts []box, d []direction) (alternatives []conjunct) {
	var ports []oldconfig.Range
	for _, b := range parts {
		ports = append(ports, b.ports...)
		alternatives = append(alternatives, conjunct{
			{Field: d[1].port(), In: b.ports}, {Field: d[0].address(), In: b.addresses, Not: true},
		})
	}
	return append(alternatives, conjunct{{Field: d[1].port(), In: union(ports), Not: true}})
}

// boxesOf splits the ports of one protocol where the addresses change, and joins ports
// with the same addresses.
func boxesOf(elements []element) ([]box, bool) {
	var cuts []uint64
	for _, e := range elements {
		cuts = append(cuts, e.port.Low.Low, e.port.High.Low+1)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	addresses := make([][]oldconfig.Range, len(cuts))
	parts := 0
	for _, e := range elements {
		i, _ := slices.BinarySearch(cuts, e.port.Low.Low)
		for ; cuts[i] <= e.port.High.Low; i++ {
			if parts++; parts > maxElements {
				return nil, false
			}
			addresses[i] = append(addresses[i], e.addresses...)
		}
	}
	var all []box
	place := map[string]int{}
	for i, in := range addresses {
		if len(in) == 0 {
			continue
		}
		in = union(in)
		ports := oldconfig.Range{Low: number(cuts[i]), High: number(cuts[i+1] - 1)}
		key := fmt.Sprint(in)
		if at, found := place[key]; found {
			all[at].ports = union(append(all[at].ports, ports))
			continue
		}
		place[key] = len(all)
		all = append(all, box{[]oldconfig.Range{ports}, in})
	}
	return all, true
}
