package exact

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A generator makes random directors with few different values, so that rules meet.
type generator struct {
	*rand.Rand
	family oldconfig.Family
}

func (g generator) one(n ...uint64) uint64 { return n[g.IntN(len(n))] }

func (g generator) addr() oldconfig.Number {
	n := number(0xc6336400 + uint64(g.IntN(6))) // 198.51.100.0
	if g.family == config.IPv6 {
		n.High = 0x20010db800000000
	}
	return n
}

func (g generator) address() netip.Addr { return address(g.addr(), g.family) }

func (g generator) port() uint64 { return g.one(1, 20, 21, 80, 1023, 1024, 10000, 20000, 65535) }

func (g generator) ranges(value func() oldconfig.Number) []oldconfig.Range {
	list := make([]oldconfig.Range, 1+g.IntN(2))
	for i := range list {
		a, b := value(), value()
		if g.IntN(2) == 0 {
			b = a
		}
		if a.Compare(b) > 0 {
			a, b = b, a
		}
		list[i] = oldconfig.Range{Low: a, High: b}
	}
	return list
}

func (g generator) numbers(n ...uint64) []oldconfig.Range {
	return g.ranges(func() oldconfig.Number { return number(g.one(n...)) })
}

func (g generator) ports() []oldconfig.Range {
	return g.ranges(func() oldconfig.Number { return number(g.port()) })
}

func (g generator) match() oldconfig.Match {
	m := oldconfig.Match{Not: g.IntN(4) == 0}
	switch g.IntN(26) {
	case 0, 1, 2, 13, 14, 15:
		m.Field, m.In = oldconfig.Destination, g.ranges(g.addr)
	case 3, 4, 5, 16, 17, 18:
		m.Field, m.In = oldconfig.DestinationPort, g.ports()
	case 6, 19:
		m.Field, m.In = oldconfig.Source, g.ranges(g.addr)
	case 7, 20:
		m.Field, m.In = oldconfig.SourcePort, g.ports()
	case 8, 21:
		m.Field, m.In = oldconfig.Protocol, g.numbers(6, 17, 132)
	case 9, 22:
		m.Field, m.In, m.Mask = oldconfig.Mark, g.numbers(0, 1, 2, 3), uint32(g.one(0xffffffff, 1, 3))
		if g.IntN(4) == 0 {
			m.Field = oldconfig.ConnMark
		}
	case 10, 23:
		m.Field, m.In, m.Mask = oldconfig.TCPFlags, g.numbers(2, 16, 18, 4), uint32(g.one(0xff, 2, 0x12))
	case 11:
		m.Field, m.In = oldconfig.SourceMAC, g.numbers(1, 2)
	case 12:
		m.Field, m.In = oldconfig.SourceType, single(g.one(1, 8, 9, 4)) // AddrType* bits
	default:
		if g.IntN(2) == 0 {
			m.Field, m.Names = oldconfig.InDevice, [][]string{{"eth0"}, {"eth0", "eth1"}, {"eth+"}, {"wan+"}}[g.IntN(4)]
		} else {
			m.Field, m.In = oldconfig.State, []oldconfig.Range{{Low: number(1 + uint64(g.IntN(31)))}}
			m.In[0].High = m.In[0].Low
		}
	}
	return m
}

func (g generator) action(below []string, marks bool) oldconfig.Action {
	switch n := g.IntN(14); {
	case n == 12 && marks:
		return oldconfig.Action{Kind: oldconfig.SetConnMark, And: uint32(g.one(0, 0xfffffffe)), Xor: uint32(g.one(1, 2, 3))}
	case n == 13 && marks:
		kind := []oldconfig.ActionKind{oldconfig.SaveMark, oldconfig.RestoreMark}[g.IntN(2)]
		mask := uint32(g.one(0xffffffff, 1, 2))
		return oldconfig.Action{Kind: kind, And: ^mask, Mask: mask}
	case n < 4 && marks:
		return oldconfig.Action{Kind: oldconfig.SetMark, And: uint32(g.one(0, 0, 0xfffffffe)), Xor: uint32(g.one(0, 1, 2, 3))}
	case n == 4 && marks:
		return oldconfig.Action{Kind: oldconfig.SetMark, SetMarkByAddr: []oldconfig.MarkOf{
			{Destination: g.place(1, 1), Mark: uint32(g.one(1, 2))},
			{Destination: g.place(3, 4), Mark: uint32(g.one(1, 2))},
		}}
	case n < 7 && len(below) > 0:
		kind := []oldconfig.ActionKind{oldconfig.Jump, oldconfig.Goto}[g.IntN(2)]
		return oldconfig.Action{Kind: kind, Chain: below[g.IntN(len(below))]}
	case n == 7:
		return oldconfig.Action{Kind: oldconfig.Drop}
	case n == 8:
		return oldconfig.Action{Kind: oldconfig.Return}
	case n == 9:
		return oldconfig.Action{Kind: oldconfig.Untrack}
	}
	return oldconfig.Action{Kind: oldconfig.Accept}
}

// place returns addresses by their last number.
func (g generator) place(first, last uint64) oldconfig.Range {
	base := g.addr()
	base.Low = 0xc6336400
	return oldconfig.Range{Low: oldconfig.Number{High: base.High, Low: base.Low + first}, High: oldconfig.Number{High: base.High, Low: base.Low + last}}
}

func (g generator) rule(below []string, marks bool) *oldconfig.Rule {
	r := &oldconfig.Rule{Actions: []oldconfig.Action{g.action(below, marks)}}
	for range g.IntN(4) {
		r.Matches = append(r.Matches, g.match())
	}
	if len(r.Actions[0].SetMarkByAddr) > 0 && g.IntN(2) == 0 {
		r.Actions = append(r.Actions, oldconfig.Action{Kind: oldconfig.Accept})
	}
	if g.IntN(4) == 0 {
		r.Then = &oldconfig.Rule{Matches: []oldconfig.Match{g.match()}, Actions: []oldconfig.Action{g.action(below, marks)}}
	}
	return r
}

func (g generator) chain(table, name string, base *oldconfig.Base, below ...string) *oldconfig.Chain {
	c := &oldconfig.Chain{Family: g.family, Table: table, Name: name, Base: base}
	for range 1 + g.IntN(6) {
		c.Rules = append(c.Rules, g.rule(below, table == "mangle"))
	}
	return c
}

func (g generator) side() Side {
	s := Side{Chains: []*oldconfig.Chain{
		g.chain("mangle", "b", nil), g.chain("mangle", "a", nil, "b"),
		g.chain("mangle", "PREROUTING", &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}, "a", "b"),
		g.chain("filter", "INPUT", &oldconfig.Base{Hook: oldconfig.Input, Drops: g.IntN(4) == 0}),
		g.chain("raw", "PREROUTING", &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -300}),
	}}
	if g.IntN(2) == 0 {
		s.Chains = append(s.Chains, g.behindIPVS()...)
	}
	if g.IntN(5) == 0 {
		s.Chains = append(s.Chains, g.destinationNAT())
	}
	s.Tracking = []Tracking{Tracked, Untracked}[g.IntN(4)/3]
	for _, mark := range []uint32{1, 2, 3}[:g.IntN(4)] {
		s.Services = append(s.Services, g.service(&oldconfig.Service{Family: g.family, Mark: mark}))
	}
	for range g.IntN(3) {
		at := netip.AddrPortFrom(g.address(), uint16(g.one(0, 21, 80)))
		if !slices.ContainsFunc(s.Services, func(o *oldconfig.Service) bool { return o.Address == at }) {
			s.Services = append(s.Services, g.service(&oldconfig.Service{Family: g.family, Protocol: 6, Address: at}))
		}
	}
	return s
}

// behindIPVS returns chains that packets pass on their way to real servers.
func (g generator) behindIPVS() []*oldconfig.Chain {
	nat := g.chain("nat", "POSTROUTING", &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: 100, NAT: true})
	output := g.chain("filter", "OUTPUT", &oldconfig.Base{Hook: oldconfig.Output})
	for _, c := range []*oldconfig.Chain{nat, output} {
		for _, r := range c.Rules {
			r.Matches = append(g.sentMatches(), r.Matches[:len(r.Matches)/2]...)
			if r.Then = nil; c == nat {
				r.Actions = g.sourceTranslation()
			}
		}
	}
	return []*oldconfig.Chain{g.chain("mangle", "POSTROUTING", &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: -150}), output, nat}
}

// destinationNAT returns a chain that translates destinations: to an address, a port, or both.
func (g generator) destinationNAT() *oldconfig.Chain {
	c := g.chain("nat", "PREROUTING", &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -100, NAT: true})
	for _, r := range c.Rules {
		a := oldconfig.Action{Kind: oldconfig.TranslateDestination}
		to, port := g.addr(), number(g.port())
		switch g.IntN(4) {
		case 0:
			a.ToPorts = []oldconfig.Range{{Low: port, High: port}}
		case 1, 2:
			a.To = []oldconfig.Range{{Low: to, High: to}}
		default:
			a.To, a.ToPorts = []oldconfig.Range{{Low: to, High: to}}, []oldconfig.Range{{Low: port, High: port}}
		}
		r.Then, r.Actions = nil, []oldconfig.Action{a}
	}
	return c
}

func (g generator) sentMatches() []oldconfig.Match {
	m := oldconfig.Match{Not: g.IntN(4) == 0, In: g.ranges(g.addr)}
	switch g.IntN(7) {
	case 0:
		m.Field, m.In = oldconfig.SentByIPVS, single(1)
	case 1:
		m.Field = oldconfig.VirtualAddress
	case 2:
		m.Field, m.In = oldconfig.VirtualPort, g.ports()
	case 3:
		m.Field = oldconfig.OriginalDestination
	case 4, 5:
		m.Field, m.In = oldconfig.Destination, g.ranges(func() oldconfig.Number { return addressNumber(g.server(1 + g.IntN(3))) })
	default:
		return nil
	}
	return []oldconfig.Match{m}
}

func (g generator) sourceTranslation() []oldconfig.Action {
	a := oldconfig.Action{Kind: oldconfig.TranslateSource}
	switch to := g.addr(); g.IntN(6) {
	case 3:
		a.ToDevice = true
	case 4:
		a.ToDevice, a.RandomPorts = true, true
	case 5:
		a.To, a.RandomPorts = []oldconfig.Range{{Low: to, High: to}}, true
	case 0:
		a.To = []oldconfig.Range{{Low: to, High: to}}
	case 1:
		a.Kind, a.ToOriginal = oldconfig.Opaque, true
	case 2:
		a.Kind = oldconfig.Accept
	}
	return []oldconfig.Action{a}
}

func (g generator) service(s *oldconfig.Service) *oldconfig.Service {
	s.Scheduler, s.Netmask = "wlc", 32
	if g.IntN(2) == 0 {
		s.Timeout = time.Minute
	}
	if g.IntN(8) == 0 {
		s.Flags = ipvs.OnePacket
	}
	for range g.IntN(3) {
		d := ipvs.Destination{Address: g.server(1 + len(s.RealServers)), Weight: 1, Port: uint16(g.one(0, 0, 21, 80, 8080))}
		d.Forwarding = []config.Forwarding{config.NAT, config.Direct}[g.IntN(2)]
		s.RealServers = append(s.RealServers, oldconfig.RealServer{Destination: d})
	}
	return s
}

func (g generator) server(n int) netip.Addr {
	if g.family == config.IPv6 {
		return netip.AddrFrom16([16]byte{0xfd, 15: byte(n)})
	}
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
}

// packet returns a packet at a corner of some box, or near it.
func (g generator) packet() Packet {
	near := func(n uint64) uint16 { return uint16(n + g.one(0, 0, 1, 0xffff)) }
	p := Packet{
		Protocol: uint8(g.one(6, 6, 17, 132)), State: stateNew, FromType: Unicast,
		From: netip.AddrPortFrom(g.address(), near(g.port())), To: netip.AddrPortFrom(g.address(), near(g.port())),
		MAC: number(g.one(0, 1, 2)),
	}
	if p.Protocol == 6 {
		p.Flags = uint8(g.one(2, 2, 2, 16, 18, 24, 4))
		if p.Flags == 18 {
			p.State = int(g.one(stateInvalid, stateEstablished))
		}
	}
	p.Device = []string{"", "eth0", "eth1", "eth9", "wan0"}[g.IntN(5)]
	if g.IntN(4) == 0 {
		p.FromType = int(g.one(0, 2))
	}
	return p
}

// shuffled returns the chains in any order: that of their hooks and priorities counts.
func (g generator) shuffled(chains []*oldconfig.Chain) []*oldconfig.Chain {
	list := slices.Clone(chains)
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// changed returns the side with one small change.
func (g generator) changed(s Side) Side {
	c := Side{Chains: slices.Clone(s.Chains), Services: slices.Clone(s.Services), Tracking: s.Tracking}
	i := g.IntN(len(c.Chains))
	chain := *c.Chains[i]
	chain.Rules = slices.Clone(chain.Rules)
	at := g.IntN(len(chain.Rules))
	r := *chain.Rules[at]
	switch {
	case g.IntN(3) == 0:
		chain.Rules = slices.Delete(chain.Rules, at, at+1)
	case len(r.Matches) > 0 && g.IntN(2) == 0:
		r.Matches = slices.Clone(r.Matches)
		r.Matches[0].Not = !r.Matches[0].Not
		chain.Rules[at] = &r
	default:
		chain.Rules[at] = g.rule(nil, chain.Table == "mangle")
	}
	c.Chains[i] = &chain
	return c
}

// TestCompareRandom compares random directors, and checks each answer with an interpreter
// of single packets.
func TestCompareRandom(t *testing.T) {
	count := map[string]int{}
	for seed := range uint64(120) { // about a minute: directors that translate destinations take seconds
		checkPair(t, seed, count)
		if t.Failed() {
			return
		}
	}
	t.Log(count)
	for _, kind := range []string{"equivalent", "different"} {
		assert.NotZero(t, count[kind], kind)
	}
}

func checkPair(t *testing.T, seed uint64, count map[string]int) {
	family := []oldconfig.Family{config.IPv4, config.IPv6}[seed/4%2]
	g := generator{rand.New(rand.NewPCG(seed, 1)), family}
	before := g.side()
	after := before
	switch seed % 4 {
	case 0:
		after = g.changed(before)
	case 1:
		after = g.side()
	case 2:
		after.Chains = slices.Concat(before.Chains[:2:2], g.side().Chains[2:3], before.Chains[3:])
	case 3:
		after.Chains = slices.Concat(before.Chains[:5:5], g.behindIPVS())
	}
	before.Chains, after.Chains = g.shuffled(before.Chains), g.shuffled(after.Chains)
	r := Compare(before, after, Scope{})
	for _, d := range r.Differences {
		old, _ := interpret(before, family, d.Packet, false)
		changed, _ := interpret(after, family, d.Packet, false)
		if d.Second != nil {
			count["joined"]++
			continue
		}
		count["different"]++
		require.NotEqual(t, old, changed, "seed %d: %+v", seed, d)
	}
	if len(r.Differences)+len(r.Unproven) > 0 {
		return
	}
	count["equivalent"]++
	for range 300 {
		p := g.packet()
		old, _ := interpret(before, family, p, false)
		changed, _ := interpret(after, family, p, false)
		if kindOf(uint64(p.Flags)) == later && p.Protocol == 6 {
			old, changed = fmt.Sprint(old == "dropped"), fmt.Sprint(changed == "dropped")
		}
		require.Equal(t, old, changed, "seed %d: %s", seed, p)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPair(t, seed, map[string]int{}) })
}

// activeSide returns rules of a director that forwards packets of real servers.
func (g generator) activeSide() Side {
	postrouting := g.chain("nat", "POSTROUTING", &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: 100, NAT: true})
	for _, r := range postrouting.Rules {
		r.Then = nil
		r.Actions[0] = oldconfig.Action{Kind: oldconfig.TranslateSource, ToDevice: true, RandomPorts: g.IntN(4) == 0}
		if g.IntN(2) == 0 {
			r.Actions[0].ToDevice = false
			to := g.addr()
			r.Actions[0].To = []oldconfig.Range{{Low: to, High: to}}
		}
	}
	return Side{Chains: []*oldconfig.Chain{
		g.chain("mangle", "PREROUTING", &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}),
		g.chain("filter", "FORWARD", &oldconfig.Base{Hook: oldconfig.Forward}), postrouting,
	}}
}

// TestCompareActive compares what becomes of connections that real servers open.
func TestCompareActive(t *testing.T) {
	count := map[string]int{}
	for seed := range uint64(400) {
		g := generator{rand.New(rand.NewPCG(seed, 2)), config.IPv4}
		before := g.activeSide()
		after := g.changed(before)
		if seed%2 == 0 {
			after = Side{Chains: slices.Concat(g.activeSide().Chains[:1], before.Chains[1:])}
		}
		server := address(number(0xc6336402), 4)
		r := Compare(before, after, Scope{ActiveSources: []netip.Addr{server}})
		r.Differences = slices.DeleteFunc(r.Differences, func(d Difference) bool { return d.Packet.From.Addr() != server || d.Packet.Protocol != 6 })
		for _, d := range r.Differences {
			old, _ := interpret(before, 4, d.Packet, true)
			changed, _ := interpret(after, 4, d.Packet, true)
			toVIP, _ := interpret(before, 4, d.Packet, false)
			changedToVIP, _ := interpret(after, 4, d.Packet, false)
			require.False(t, old == changed && toVIP == changedToVIP, "seed %d: %+v", seed, d)
			count["different"]++
		}
		if len(r.Differences)+len(r.Unproven) > 0 {
			continue
		}
		count["equivalent"]++
		for range 200 {
			p := g.packet()
			p.Protocol, p.From = 6, netip.AddrPortFrom(server, p.From.Port())
			old, _ := interpret(before, 4, p, true)
			changed, _ := interpret(after, 4, p, true)
			if kindOf(uint64(p.Flags)) == later {
				old, changed = fmt.Sprint(old == "dropped"), fmt.Sprint(changed == "dropped")
			}
			require.Equal(t, old, changed, "seed %d: %s", seed, p)
		}
	}
	t.Log(count)
	assert.NotZero(t, count["different"])
	assert.NotZero(t, count["equivalent"])
}

// TestPriorityOfIPVS: IPVS schedules at priority 99 of the input hook. A chain at 98, such as
// that of keep-marks, runs before it, and one at 99 is not compared.
func TestPriorityOfIPVS(t *testing.T) {
	spoiled := func(priority int) oldconfig.Chain {
		return oldconfig.Chain{
			Family: 4, Table: "other", Name: "input", Base: &oldconfig.Base{Hook: oldconfig.Input, Priority: priority},
			Rules: []*oldconfig.Rule{{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 7}}}},
		}
	}
	marks := oldconfig.Chain{
		Family: 4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150},
		Rules: []*oldconfig.Rule{{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 21}}}},
	}
	services := []*oldconfig.Service{{Family: 4, Mark: 21, Scheduler: "wlc", RealServers: []oldconfig.RealServer{{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Weight: 1}}}}}
	before := Side{Chains: []*oldconfig.Chain{&marks}, Services: services}
	for priority, differs := range map[int]bool{0: true, 98: true, 99: false, 200: false} {
		other := spoiled(priority)
		after := Side{Chains: []*oldconfig.Chain{&marks, &other}, Services: services}
		assert.Equal(t, differs, len(Compare(before, after, Scope{}).Differences) > 0, "priority %d", priority)
	}
}
