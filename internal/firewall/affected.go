package firewall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// affected are the packets of one flow and address family that a finding affects.
type affected struct {
	space *space
	parts []part
}

func (p affected) String() string {
	text := fmt.Sprintf(p.space.flow.text(), p.ends())
	if !slices.ContainsFunc(p.parts, func(part part) bool { return !part.later }) {
		text += " after the first of a connection"
	}
	return text
}

// hasUnmarked reports whether some of the packets get no mark from lvsmark.
func (p affected) hasUnmarked() bool {
	flow := p.space.flow
	return (flow == toVIP || flow == toServer) && slices.ContainsFunc(p.parts, p.space.unmarked)
}

// known are the classes of the packets.
func (p affected) known() bitset {
	known := newBitset(p.space.count)
	for _, part := range p.parts {
		known = known.or(part.classes)
	}
	return known
}

// first is the first address.
func (p affected) first() string {
	for class := range p.known().each {
		return config.AddressRange{First: p.space.first(class), Last: p.space.last(class)}.String()
	}
	return ""
}

// ends names the known ends of the packets: "198.51.100.21 and another VIP (ports 21)".
func (p affected) ends() string {
	known := p.known()
	var ports []config.PortRange
	for _, part := range p.parts {
		if r := (config.PortRange{Protocol: part.protocol, Low: part.low, High: part.high}); !slices.Contains(ports, r) {
			ports = append(ports, r)
		}
	}
	slices.SortFunc(ports, func(a, b config.PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	text := p.first()
	noun := p.space.flow.noun()
	switch others := known.count() - 1; {
	case others == 1:
		text += " and another " + noun
	case others > 1 && noun == "address":
		text += fmt.Sprintf(" and %d other addresses", others)
	case others > 1:
		text += fmt.Sprintf(" and %d other %ss", others, noun)
	}
	list := strings.Trim(fmt.Sprint(ports), "[]")
	return fmt.Sprintf("%s (ports %s)", text, strings.ReplaceAll(list, " ", ", "))
}
