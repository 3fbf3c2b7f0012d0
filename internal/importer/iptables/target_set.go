package iptables

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// mapRules returns the rules of -j SET --map-set NAME FLAGS --map-mark: each packet in the
// set gets the mark of its element (skbmark of ipset(8)).
func (p *parser) mapRules(line oldconfig.Line) ([]*oldconfig.Rule, bool) {
	if len(p.target.options) != 2 || p.target.options[0].name != "map-set" || p.target.options[1].name != "map-mark" ||
		len(p.target.options[0].values) != 2 || len(p.unknown) > 0 || !p.jump || p.target.broken {
		return nil, false
	}
	flags := p.target.options[0].values[1]
	s, elements, reason := p.resolve(p.target.options[0].values[0])
	if reason != "" || s.family != p.family || hasNoMatch(elements) {
		return nil, false
	}
	if rules, ok := p.mapByAddress(s, flags, elements, line); ok {
		return rules, true
	}
	directions, ok := parseDirections(flags, len(s.dimensions()))
	if !ok || s.kind != "hash:ip" && s.kind != "bitmap:ip" && s.kind != "hash:ip,port" {
		return nil, false // of a network, the most specific one decides
	}
	return p.mapByBoxes(elements, directions, line)
}

// mapByAddress returns one rule for a set of single addresses.
func (p *parser) mapByAddress(s *set, flags string, elements []element, line oldconfig.Line) ([]*oldconfig.Rule, bool) {
	if s.kind != "hash:ip" || flags != "dst" {
		return nil, false
	}
	a := oldconfig.Action{Kind: oldconfig.SetMark, Text: p.targetText(), SetMarkByAddr: []oldconfig.MarkOf{}}
	for _, e := range elements {
		if e.mask != 1<<32-1 {
			return nil, false
		}
		for _, r := range e.addresses {
			a.SetMarkByAddr = append(a.SetMarkByAddr, oldconfig.MarkOf{Destination: r, Mark: e.mark})
		}
	}
	var rules []*oldconfig.Rule
	for _, matches := range p.product() {
		rules = append(rules, &oldconfig.Rule{Matches: matches, Actions: []oldconfig.Action{a}, Line: line})
	}
	return rules, true
}

// mapByBoxes returns rules for each mark of a set of addresses and ports.
func (p *parser) mapByBoxes(elements []element, d []direction, line oldconfig.Line) (rules []*oldconfig.Rule, ok bool) {
	type mark struct{ mark, mask uint32 }
	var order []mark
	byMark := map[mark][]element{}
	for _, e := range elements {
		m := mark{e.mark, e.mask}
		if byMark[m] == nil {
			order = append(order, m)
		}
		byMark[m] = append(byMark[m], e)
	}
	for _, m := range order {
		action := oldconfig.Action{Kind: oldconfig.SetMark, And: ^m.mask, Xor: m.mark, Text: p.targetText()}
		alternatives, ok := alternativesOf(byMark[m], d)
		if !ok {
			return nil, false
		}
		for _, matches := range p.product() {
			for _, c := range alternatives {
				rules = append(rules, &oldconfig.Rule{
					Matches: slices.Concat(matches, c), Actions: []oldconfig.Action{action}, Line: line,
				})
			}
		}
	}
	return rules, true
}

// alternativesOf returns the tests of the elements.
func alternativesOf(elements []element, d []direction) ([]conjunct, bool) {
	if len(d) > 1 {
		return boxes(elements, d, false)
	}
	ranges, ok := unionOf(elements)
	return []conjunct{{{Field: d[0].address(), In: ranges}}}, ok
}
