package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// general reads an option of iptables itself.
func (p *parser) general(name string, count int) {
	p.checkAttached(name)
	values, ok := p.take(count)
	o := option{name: name, values: values, not: p.not}
	switch name {
	case "match", "set-counters", "jump", "goto", "ipv4", "ipv6":
	default:
		p.given = append(p.given, shortName(name))
	}
	if name == "set-counters" && ok && !strings.Contains(values[0], ",") { // PACKETS BYTES, or PACKETS,BYTES
		_, ok = p.take(1)
	}
	if !ok || !p.understandGeneral(o) {
		p.misunderstood(o.String())
	}
}

func (p *parser) understandGeneral(o option) bool {
	switch o.name {
	case "protocol":
		return p.matchProtocol(o)
	case "source", "src":
		return p.matchAddresses(oldconfig.Source, o)
	case "destination", "dst":
		return p.matchAddresses(oldconfig.Destination, o)
	case "in-interface":
		return p.matchDevice(oldconfig.InDevice, o)
	case "out-interface":
		return p.matchDevice(oldconfig.OutDevice, o)
	case "fragment":
		return p.family == config.IPv4 && p.add(oldconfig.Match{
			Field: oldconfig.LaterFragment, In: []oldconfig.Range{one(1)}, Not: o.not, Text: o.String(),
		})
	case "match":
		p.load(o.values[0])
		return !o.not
	case "jump", "goto":
		return p.setTarget(o)
	case "ipv4", "ipv6":
		p.skip = p.skip || (o.name == "ipv4") != (p.family == config.IPv4)
		return true
	case "set-counters":
		return true
	}
	return false
}

// load loads a match module.
func (p *parser) load(name string) {
	opaque := matchOptions(name) == ""
	p.modules = append(p.modules, &module{name: name, opaque: opaque})
}

// setTarget sets the target of the rule: a chain, a verdict or an extension.
func (p *parser) setTarget(o option) bool {
	if p.target != nil || o.not {
		p.extraWord, p.refused = true, true
		return false
	}
	p.target = &module{name: o.values[0]}
	p.jump = o.name == "jump"
	p.modules = append(p.modules, p.target)
	return true
}

func (p *parser) matchProtocol(o option) bool {
	protocol, ok := parseProtocol(o.values[0])
	if !ok || protocol == 0 && o.not {
		return false
	}
	if protocol == 0 {
		return true
	}
	if !o.not {
		p.protocol = protocol
	}
	return p.add(oldconfig.Match{Field: oldconfig.Protocol, In: []oldconfig.Range{one(protocol)}, Not: o.not, Text: o.String()})
}

// matchAddresses reads a list of networks: iptables makes a rule of each.
func (p *parser) matchAddresses(field oldconfig.Field, o option) bool {
	var alternatives []conjunct
	written := o.String()
	for text := range strings.SplitSeq(o.values[0], ",") {
		ranges, ok := parseNetwork(p.family, text)
		if !ok {
			return false
		}
		alternatives = append(alternatives, conjunct{{Field: field, In: ranges, Not: o.not, Text: written}})
	}
	if len(alternatives) > 1 {
		p.several = true
		p.counts[field] = len(alternatives)
		if place := p.pick[field]; place > 0 {
			alternatives = alternatives[place-1 : place]
		}
	}
	if o.not {
		p.negated = written
	}
	if o.not && slices.Contains(alternatives[0][0].In, p.any(field, o).In[0]) {
		p.reason = "iptables-nft refuses it, and iptables-legacy has it match no packet"
		return false
	}
	return p.addAlternatives(alternatives)
}

const maxDeviceName = 15 // IFNAMSIZ of linux/if.h without the byte 0

// matchDevice reads the name of a device. "eth+" is all names that begin with eth.
func (p *parser) matchDevice(field oldconfig.Field, o option) bool {
	name := o.values[0]
	if len(name) > maxDeviceName {
		p.reason = "the name is too long"
		return false
	}
	if name == "" || name == "+" && !o.not {
		return name == "+"
	}
	return p.add(oldconfig.Match{Field: field, Names: []string{name}, Not: o.not, Text: o.String()})
}

// checkAttached remarks on an option and its value in one word. iptables takes the whole word for the
// value of some options: with -ieth0, the device is called "-ieth0".
func (p *parser) checkAttached(name string) {
	if p.attached == "" {
		return
	}
	switch name {
	case "protocol", "source", "src", "destination", "dst", "in-interface", "out-interface", "jump":
		p.reason = "iptables takes the whole word for the value of --" + name + ": put a space there"
		p.misunderstood(p.attached)
	}
}

// checkNot remarks on ! between an option and its value, which is the next word.
func (p *parser) checkNot() {
	if len(p.words) > 0 {
		p.reason = "present versions of iptables refuse ! behind an option: put it ahead"
		p.misunderstood("! " + p.words[0].Text)
	}
}
