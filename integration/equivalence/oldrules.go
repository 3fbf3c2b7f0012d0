package equivalence

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// OldMark returns the mark of a packet after the chains of table mangle, hook prerouting,
// of a configuration without lvsmark. It interprets one rule after the other. known is
// false if a rule is not understood.
func OldMark(c *oldconfig.Config, p Packet) (mark uint32, known bool) {
	i := &oldPacket{Packet: p, family: config.FamilyOf(p.To), chains: c.Chains, known: true}
	for _, chain := range c.Chains {
		if chain.Family == i.family && chain.Table == "mangle" && chain.Base != nil && chain.Base.Hook == oldconfig.Prerouting {
			i.chain(chain)
		}
	}
	return i.mark, i.known
}

// An oldPacket is a packet on its way through the rules.
type oldPacket struct {
	Packet
	family         config.Family
	chains         []*oldconfig.Chain
	mark, connmark uint32
	known          bool
}

// chain returns whether the packet leaves the base chain.
func (p *oldPacket) chain(c *oldconfig.Chain) (ended bool) {
	for _, r := range c.Rules {
		if slices.ContainsFunc(r.Matches, func(m oldconfig.Match) bool { return !p.fulfils(m) }) {
			continue
		}
		for _, a := range r.Actions {
			switch a.Kind {
			case oldconfig.Return:
				return false
			case oldconfig.Accept, oldconfig.Drop:
				return true
			case oldconfig.Goto:
				return p.chain(p.named(c, a.Chain))
			case oldconfig.Jump:
				if p.chain(p.named(c, a.Chain)) {
					return true
				}
			default:
				p.act(a)
			}
		}
	}
	return false
}

func (p *oldPacket) named(from *oldconfig.Chain, name string) *oldconfig.Chain {
	for _, c := range p.chains {
		if c.Family == from.Family && c.Table == from.Table && c.Name == name {
			return c
		}
	}
	return &oldconfig.Chain{}
}

func (p *oldPacket) act(a oldconfig.Action) {
	switch a.Kind {
	case oldconfig.NoEffect:
	case oldconfig.SetMark:
		if a.SetMarkByAddr == nil {
			p.mark = p.mark&a.And ^ a.Xor
		}
		for _, m := range a.SetMarkByAddr {
			if within(addressNumber(p.To), m.Destination) {
				p.mark = m.Mark
			}
		}
	case oldconfig.SetConnMark:
		p.connmark = p.connmark&a.And ^ a.Xor
	case oldconfig.SaveMark:
		p.connmark = p.connmark&a.And ^ p.mark&a.Mask
	case oldconfig.RestoreMark:
		p.mark = p.mark&a.And ^ p.connmark&a.Mask
	default:
		p.known = false
	}
}

// fulfils tests one match; no packet of the tests is a fragment.
func (p *oldPacket) fulfils(m oldconfig.Match) bool {
	if m.Field == oldconfig.InDevice {
		return slices.ContainsFunc(m.Names, isReceiver) != m.Not
	}
	n, ok := p.field(m)
	if !ok {
		p.known = false
		return false
	}
	return slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return within(n, r) }) != m.Not
}

func isReceiver(name string) bool {
	prefix, wild := strings.CutSuffix(name, "+")
	return name == receiver || wild && strings.HasPrefix(receiver, prefix)
}

func (p *oldPacket) field(m oldconfig.Match) (n oldconfig.Number, ok bool) {
	switch m.Field {
	case oldconfig.Source:
		return addressNumber(client(p.family)), true
	case oldconfig.Destination:
		return addressNumber(p.To), true
	case oldconfig.Protocol:
		n.Low = uint64(p.Protocol)
	case oldconfig.SourcePort:
		n.Low = clientPort
	case oldconfig.DestinationPort:
		n.Low = uint64(p.Port)
	case oldconfig.TCPFlags:
		n.Low = uint64(uint32(0x02) & m.Mask)
	case oldconfig.State:
		n.Low = oldconfig.StateNew
	case oldconfig.Mark:
		n.Low = uint64(p.mark & m.Mask)
	case oldconfig.ConnMark:
		n.Low = uint64(p.connmark & m.Mask)
	case oldconfig.LaterFragment:
	default:
		return n, false
	}
	return n, p.Protocol == unix.IPPROTO_TCP || m.Field != oldconfig.TCPFlags
}

func within(n oldconfig.Number, r oldconfig.Range) bool {
	return r.Low.Compare(n) <= 0 && n.Compare(r.High) <= 0
}

func addressNumber(addr netip.Addr) oldconfig.Number {
	if addr.Is4() {
		b := addr.As4()
		return oldconfig.Number{Low: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := addr.As16()
	return oldconfig.Number{High: binary.BigEndian.Uint64(b[:8]), Low: binary.BigEndian.Uint64(b[8:])}
}
