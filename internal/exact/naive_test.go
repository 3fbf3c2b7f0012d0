package exact

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A naive interprets rules as they are written, one packet at a time. It shares no code
// with the evaluator.
type naive struct {
	side   Side
	family oldconfig.Family
	p      Packet
	before netip.AddrPort // destination before a translation
	mark   uint32
	conn   uint32
	state  int
	end    string
	moved  bool
	early  bool // ahead of connection tracking
	hook   oldconfig.Hook
	server *oldconfig.RealServer // to which IPVS sends the packet
	toPort uint16

	at      *oldconfig.Rule   // the current rule
	acted   []*oldconfig.Rule // that set the mark, accept, drop or translate, in order
	service *oldconfig.Service
	refused bool
	behind  []string // what becomes of the packet on its way to each real server
}

// interpret returns what becomes of a packet to a VIP, or of one that a real server sends.
func interpret(side Side, family oldconfig.Family, p Packet, active bool) (string, uint32) {
	return newNaive(side, family, p).interpret(active)
}

func newNaive(side Side, family oldconfig.Family, p Packet) *naive {
	return &naive{side: side, family: family, p: p, before: p.To, state: p.State}
}

func (n *naive) interpret(active bool) (string, uint32) {
	hooks := []oldconfig.Hook{oldconfig.Prerouting, oldconfig.Input}
	if active {
		hooks = []oldconfig.Hook{oldconfig.Prerouting, oldconfig.Forward, oldconfig.Postrouting}
	}
	if n.hooks(hooks) {
		return "dropped", n.mark
	}
	if active {
		return "forwarded " + n.end, n.mark
	}
	return n.ipvs() + n.end, n.mark
}

// hooks runs the chains of hooks. It reports whether the packet is dropped.
func (n *naive) hooks(hooks []oldconfig.Hook) (dropped bool) {
	for _, h := range hooks {
		n.hook, n.moved = h, false
		var list []*oldconfig.Chain
		for _, c := range oldconfig.LastFirst(n.side.Chains) {
			if c.Family == n.family && c.Base != nil && c.Base.Hook == h && (h != oldconfig.Input || c.Base.Priority < 98 && !c.Base.NAT) {
				list = append(list, c)
			}
		}
		slices.SortStableFunc(list, func(a, b *oldconfig.Chain) int { return cmp.Compare(a.Base.Priority, b.Base.Priority) })
		for _, c := range list {
			if c.Base.NAT && (n.moved || n.state != 0) {
				continue
			}
			n.early = c.Base.Priority < -200 && (h == oldconfig.Prerouting || h == oldconfig.Output) && n.server == nil
			switch v := n.chain(c); {
			case v == "" && c.Base.Drops:
				n.acted = append(n.acted, nil)
				return true
			case v == "drop":
				return true
			}
		}
	}
	return false
}

// sent returns what becomes of the packet on its way to a real server.
func (n *naive) sent(r oldconfig.RealServer, port uint16) string {
	s := *n
	s.server, s.toPort, s.end = &r, port, ""
	if s.side.Tracking != Tracked {
		s.state = 4
	}
	if s.hooks([]oldconfig.Hook{oldconfig.Output, oldconfig.Postrouting}) {
		return "dropped"
	}
	return s.end
}

// to returns the destination in the header.
func (n *naive) to() netip.AddrPort {
	if n.server != nil && n.server.Forwarding == config.NAT {
		return netip.AddrPortFrom(n.server.Address, n.toPort)
	}
	return n.p.To
}

// ofConnection returns whether the packet has a property of a connection, and its value.
func (n *naive) ofConnection(f oldconfig.Field) (oldconfig.Number, bool) {
	switch isNAT := n.server != nil && n.server.Forwarding == config.NAT; f {
	case oldconfig.VirtualAddress:
		return addressNumber(n.p.To.Addr()), isNAT
	case oldconfig.VirtualPort:
		return number(uint64(n.p.To.Port())), isNAT
	case oldconfig.OriginalDestination:
		return addressNumber(n.before.Addr()), n.state == 0
	}
	return number(uint64(flag(n.server != nil))), true
}

func (n *naive) chain(c *oldconfig.Chain) string {
	for _, r := range c.Rules {
		for at := r; at != nil; at = at.Then {
			if !n.matches(at) {
				break
			}
			n.at = r
			if v, leaves := n.acts(c, at); leaves {
				return v
			} else if v == "break" {
				break
			}
		}
	}
	return ""
}

func (n *naive) matches(r *oldconfig.Rule) bool {
	for i := range r.Matches {
		m := &r.Matches[i]
		v := oldconfig.Number{}
		switch m.Field {
		case oldconfig.Protocol:
			v.Low = uint64(n.p.Protocol)
		case oldconfig.Source:
			v = addressNumber(n.p.From.Addr())
		case oldconfig.Destination:
			v = addressNumber(n.to().Addr())
		case oldconfig.SourcePort:
			v.Low = uint64(n.p.From.Port())
		case oldconfig.DestinationPort:
			v.Low = uint64(n.to().Port())
		case oldconfig.TCPFlags:
			v.Low = uint64(n.p.Flags & uint8(m.Mask))
		case oldconfig.Mark:
			v.Low = uint64(n.mark & m.Mask)
		case oldconfig.ConnMark:
			if !n.hasConnection() {
				return false
			}
			v.Low = uint64(n.conn & m.Mask)
		case oldconfig.SourceMAC:
			v = n.p.MAC
		case oldconfig.SourceType:
			if (m.In[0].Low.Low>>n.p.FromType&1 != 0) == m.Not {
				return false
			}
			continue
		case oldconfig.SentByIPVS, oldconfig.VirtualAddress, oldconfig.VirtualPort, oldconfig.OriginalDestination:
			var has bool
			if v, has = n.ofConnection(m.Field); !has {
				return false
			}
		case oldconfig.State:
			if (m.In[0].Low.Low>>n.stateNow()&1 != 0) == m.Not {
				return false
			}
			continue
		case oldconfig.InDevice:
			matches := func(name string) bool {
				prefix, wild := strings.CutSuffix(name, "+")
				return name == n.p.Device || wild && strings.HasPrefix(n.p.Device, prefix)
			}
			if slices.ContainsFunc(m.Names, matches) == m.Not {
				return false
			}
			continue
		}
		in := slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Low.Compare(v) <= 0 && v.Compare(r.High) <= 0 })
		if in == m.Not {
			return false
		}
	}
	return true
}

func (n *naive) acts(c *oldconfig.Chain, r *oldconfig.Rule) (v string, leaves bool) {
	rule := n.at
	for _, a := range r.Actions {
		n.at = rule // after a jump
		switch a.Kind {
		case oldconfig.SetMark:
			if a.SetMarkByAddr != nil {
				i := slices.IndexFunc(a.SetMarkByAddr, func(m oldconfig.MarkOf) bool {
					to := addressNumber(n.p.To.Addr())
					return m.Destination.Low.Compare(to) <= 0 && to.Compare(m.Destination.High) <= 0
				})
				if i < 0 {
					return "break", false
				}
				n.mark = a.SetMarkByAddr[i].Mark
			} else {
				n.mark = n.mark&a.And ^ a.Xor
			}
			n.acted = append(n.acted, rule)
		case oldconfig.SetConnMark, oldconfig.SaveMark, oldconfig.RestoreMark:
			n.connMark(a)
		case oldconfig.Accept:
			n.acted = append(n.acted, rule)
			return "accept", true
		case oldconfig.Drop:
			n.acted = append(n.acted, rule)
			return "drop", true
		case oldconfig.Return:
			return "", true
		case oldconfig.Untrack:
			if n.early || !n.hasConnection() {
				n.state = 4
			}
		case oldconfig.Jump, oldconfig.Goto:
			i := slices.IndexFunc(n.side.Chains, func(o *oldconfig.Chain) bool {
				return o.Family == c.Family && o.Table == c.Table && o.Name == a.Chain
			})
			if v := n.chain(n.side.Chains[i]); v != "" || a.Kind == oldconfig.Goto {
				return v, true
			}
		case oldconfig.TranslateSource, oldconfig.TranslateDestination, oldconfig.Opaque:
			n.moved, n.acted = true, append(n.acted, rule)
			n.end = fmt.Sprint(a.To, a.ToPorts, a.ToDevice, a.RandomPorts)
			if a.Kind == oldconfig.TranslateDestination {
				n.redirect(a)
			}
			if a.ToOriginal {
				vip := addressNumber(n.before.Addr())
				n.end = fmt.Sprint([]oldconfig.Range{{Low: vip, High: vip}}, []oldconfig.Range(nil), false, false)
			}
			return "accept", true
		}
	}
	return "", false
}

// redirect translates the destination to one address, or one port, or both.
func (n *naive) redirect(a oldconfig.Action) {
	addr, port := n.p.To.Addr(), n.p.To.Port()
	if a.To != nil {
		addr = address(a.To[0].Low, n.family)
	}
	if a.ToPorts != nil {
		port = uint16(a.ToPorts[0].Low.Low)
	}
	n.p.To = netip.AddrPortFrom(addr, port)
}

func (n *naive) hasConnection() bool { return n.stateNow() != 3 && n.stateNow() != 4 } // invalid, untracked

// stateNow returns the state that rules see: ahead of connection tracking, invalid.
func (n *naive) stateNow() int {
	if n.early && n.state != 4 {
		return 3
	}
	return n.state
}

func (n *naive) connMark(a oldconfig.Action) {
	switch {
	case !n.hasConnection():
	case a.Kind == oldconfig.SetConnMark:
		n.conn = n.conn&a.And ^ a.Xor
	case a.Kind == oldconfig.SaveMark:
		n.conn = n.conn&a.And ^ n.mark&a.Mask
	default:
		n.mark = n.mark&a.And ^ n.conn&a.Mask
		n.acted = append(n.acted, n.at)
	}
}
