package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// matchSet reads --match-set NAME FLAGS. It returns why it does not understand it, or "".
func (p *parser) matchSet(o option) (reason string) {
	const unknownOption = "the option needs counters, which are not in a file"
	if o.name == "set" {
		o.name = "match-set" // its name before iptables 1.4.4
	}
	if o.name != "match-set" {
		return unknownOption
	}
	if p.sets == nil {
		return "sets are not known yet"
	}
	test := setTest{p.family, o.values[0], o.values[1], o.not}
	result, known := p.sets.known[test]
	if !known {
		result = p.setAlternatives(test.name, test.flags, test.not)
		written := o.String()
		for _, c := range result.alternatives {
			for i := range c {
				c[i].Text = written
			}
		}
		p.sets.known[test] = result
	}
	p.refused = p.refused || result.refused
	if result.reason == "" && !p.addAlternatives(result.alternatives) {
		return "the set has too many parts"
	}
	return result.reason
}

// A setResult is what a test of a set means: alternatives, or why it is not understood.
type setResult struct {
	alternatives []conjunct
	reason       string
	refused      bool // by iptables
}

// setAlternatives returns conjuncts of which a packet fulfils at most one, and one if it is
// in the set; or, if not, if it is not.
func (p *parser) setAlternatives(name, flags string, not bool) setResult {
	s, elements, reason := p.resolve(name)
	if reason != "" {
		return setResult{reason: reason}
	}
	directions, ok := parseDirections(flags, len(s.dimensions()))
	if !ok {
		return setResult{reason: "the directions do not fit set " + name}
	}
	if s.family != p.family && s.dimensions()[0] == "address" {
		return setResult{refused: true, reason: "iptables refuses set " + name + " of the other address family"}
	}
	var alternatives []conjunct
	switch {
	case s.dimensions()[0] == "mac":
		in := []oldconfig.Range{}
		for _, e := range elements {
			in = append(in, one(e.mac))
		}
		alternatives = []conjunct{{{Field: oldconfig.SourceMAC, In: in, Not: not}}}
		ok = directions[0].source
	case s.dimensions()[0] == "port":
		alternatives = portBoxes(elements, directions[0], not)
	case len(directions) == 1:
		var ranges []oldconfig.Range
		ranges, ok = unionOf(elements)
		alternatives = []conjunct{{{Field: directions[0].address(), In: ranges, Not: not}}}
	case s.dimensions()[1] == "device":
		alternatives, ok = deviceBoxes(elements, directions, not)
	case len(directions) == 3:
		alternatives, ok = otherBoxes(elements, directions, not)
	default:
		alternatives, ok = boxes(elements, directions, not)
	}
	if !ok {
		return setResult{reason: "the elements of set " + name + " are not understood"}
	}
	return setResult{alternatives: alternatives}
}

// resolve returns the elements of a set; for a list, those of its members, which must have
// the same type.
func (p *parser) resolve(name string) (s *set, elements []element, reason string) {
	s = p.sets.sets[name]
	switch {
	case s == nil:
		return nil, nil, "no file creates set " + name + ": add the output of ipset save"
	case s.unknown != "":
		return nil, nil, "set " + name + ": " + s.unknown
	case s.kind != "list:set":
		elements = s.all()
		if slices.ContainsFunc(elements, func(e element) bool { return e.expires }) {
			return nil, nil, "set " + name + ": its elements expire"
		}
		return s, elements, ""
	}
	var first *set
	for _, e := range s.all() {
		member, own, reason := p.member(e.member)
		if reason != "" {
			return nil, nil, reason
		}
		if member.family != p.family && member.dimensions()[0] == "address" {
			continue
		}
		if first == nil {
			first = member
		}
		if strings.Join(member.dimensions(), ",") != strings.Join(first.dimensions(), ",") || hasNoMatch(own) {
			return nil, nil, "the members of set " + name + " have several types, or nomatch"
		}
		elements = append(elements, own...)
	}
	if first == nil {
		first = &set{kind: "hash:ip", family: p.family}
	}
	return first, elements, ""
}

// member returns a member of a list.
func (p *parser) member(name string) (*set, []element, string) {
	if s := p.sets.sets[name]; s != nil && s.kind == "list:set" {
		return nil, nil, "set " + name + " is a list in a list"
	}
	return p.resolve(name)
}

func hasNoMatch(elements []element) bool {
	for _, e := range elements {
		if e.noMatch {
			return true
		}
	}
	return false
}

// A direction is the side of the packet that a dimension of a set is compared with.
type direction struct{ source bool }

func (d direction) address() oldconfig.Field {
	if d.source {
		return oldconfig.Source
	}
	return oldconfig.Destination
}

func (d direction) port() oldconfig.Field {
	if d.source {
		return oldconfig.SourcePort
	}
	return oldconfig.DestinationPort
}

// parseDirections reads "src,dst". There may be more than the set has dimensions.
func parseDirections(flags string, dimensions int) (directions []direction, ok bool) {
	for flag := range strings.SplitSeq(flags, ",") {
		if flag != "src" && flag != "dst" {
			return nil, false
		}
		directions = append(directions, direction{source: flag == "src"})
	}
	if len(directions) < dimensions {
		return nil, false // the kernel takes dst for the others; nobody writes that
	}
	return directions[:dimensions], true
}
