package draft

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A box is the packets of one rule that sets a mark: every packet that has, in each field,
// one of the values.
type box struct {
	family       oldconfig.Family
	hook         oldconfig.Hook
	destinations []oldconfig.Range // nil: any address
	ports        []config.PortRange
	everyPort    bool // every protocol and port; then ports is nil
	exceptTCP    bool // a condition excludes TCP; with everyPort: every other protocol
	only         only
	firstPackets bool             // only packets that begin a connection
	element      *oldconfig.Range // of the map that has the mark; nil: no map has it
	mark         uint32
	line         oldconfig.Line
}

func (b *box) hasTCP() bool {
	return b.everyPort || slices.ContainsFunc(b.ports, func(r config.PortRange) bool { return r.Protocol == config.TCP })
}

// An only is a condition of a cluster: which of its packets are marked.
type only struct {
	sources    []source
	devices    []string
	exceptMACs []oldconfig.Number
}

// A source is addresses of clients.
type source struct {
	addresses oldconfig.Range
	family    oldconfig.Family
}

func (s source) String() string { return s.addresses.Addresses(s.family) }

func (o only) equal(other only) bool {
	return slices.Equal(o.sources, other.sources) && slices.Equal(o.devices, other.devices) &&
		slices.Equal(o.exceptMACs, other.exceptMACs)
}

// fits reports whether clusters of two families with these conditions can be one cluster,
// whose sources are those of both.
func (o only) fits(other only) bool {
	return (o.sources == nil) == (other.sources == nil) && slices.Equal(o.devices, other.devices) && slices.Equal(o.exceptMACs, other.exceptMACs)
}

// maxChainDepth is the number of nested chains that are followed, as many as nft allows.
const maxChainDepth = 16

// A markWalk finds the rules that set marks.
type markWalk struct {
	chains map[chainKey]*oldconfig.Chain
	boxes  []box
	hook   oldconfig.Hook // of the current base chain
	left   int            // rules that may still be visited
	remark func(oldconfig.Line, string, ...any)
}

type chainKey struct {
	family      oldconfig.Family
	table, name string
}

// boxesOf returns the boxes of all rules that set a mark ahead of IPVS, or in the output hook.
func boxesOf(c *oldconfig.Config, remark func(oldconfig.Line, string, ...any)) []box {
	w := markWalk{chains: map[chainKey]*oldconfig.Chain{}, left: mayVisit(c.Chains), remark: remark}
	var bases []*oldconfig.Chain
	for _, chain := range c.Chains {
		w.chains[chainKey{chain.Family, chain.Table, chain.Name}] = chain
		if b := chain.Base; b != nil && slices.Contains([]oldconfig.Hook{oldconfig.Prerouting, oldconfig.Input, oldconfig.Output}, b.Hook) {
			bases = append(bases, chain)
		}
	}
	bases = oldconfig.LastFirst(bases)
	slices.SortStableFunc(bases, func(a, b *oldconfig.Chain) int {
		return cmp.Or(cmp.Compare(a.Base.Hook, b.Base.Hook), cmp.Compare(a.Base.Priority, b.Base.Priority))
	})
	for _, chain := range bases {
		w.hook = chain.Base.Hook
		w.chain(chain, conditions{}, 0)
	}
	return w.boxes
}

func (w *markWalk) chain(c *oldconfig.Chain, at conditions, depth int) {
	if c == nil || depth > maxChainDepth {
		return
	}
	for _, r := range c.Rules {
		if w.left--; w.left <= 0 {
			if w.left == 0 {
				w.remark(r.Line, "chains jump to others too often: the spec has no rules from here on")
			}
			return
		}
		all := at
		for part := r; part != nil; part = part.Then {
			all = all.and(part.Matches...)
			for _, a := range part.Actions {
				w.action(c, r, a, all, depth)
			}
		}
		at = at.behind(r)
	}
}

func (w *markWalk) action(c *oldconfig.Chain, r *oldconfig.Rule, a oldconfig.Action, at conditions, depth int) {
	switch a.Kind {
	case oldconfig.Jump, oldconfig.Goto:
		w.chain(w.chains[chainKey{c.Family, c.Table, a.Chain}], at, depth+1)
	case oldconfig.SetMark:
		if len(a.SetMarkByAddr) == 0 {
			w.add(c.Family, a.Xor, at, nil, r.Line)
		}
		for _, m := range a.SetMarkByAddr {
			w.add(c.Family, m.Mark, at, new(m.Destination), r.Line)
		}
	case oldconfig.TranslateDestination:
		w.remark(r.Line, "the rule changes the destination of packets: a spec has no such rule; it stays, and applies ahead of IPVS")
	case oldconfig.SetConnMark:
		if a.Xor != 0 {
			w.remark(r.Line, "the rule sets the mark of the connection (%s), for a rule that restores it: a spec marks the packets themselves", markText(a.Xor))
		}
	case oldconfig.Opaque:
		w.remark(r.Line, "unknown what the rule does to packets: %s", a.Text)
	}
}

// add adds the box of packets that fulfil the matches, and go to the destination if that
// is not nil.
func (w *markWalk) add(family oldconfig.Family, mark uint32, at conditions, to *oldconfig.Range, line oldconfig.Line) {
	if mark == 0 {
		return // no mark
	}
	b := builder{box: box{family: family, hook: w.hook, mark: mark, line: line, element: to}}
	if to != nil {
		b.destinations = []oldconfig.Range{*to}
	}
	for _, m := range at.matches {
		b.match(m)
	}
	if b.reason == "" {
		b.finish()
	}
	if b.reason != "" {
		w.remark(line, "a spec cannot contain this rule: %s", b.reason)
		return
	}
	b.ports = at.notTaken(b.ports, b.destinations)
	if !b.empty && (b.everyPort || len(b.ports) > 0) {
		w.boxes = append(w.boxes, b.box)
	}
}

// A builder builds a box.
type builder struct {
	box
	protocols []oldconfig.Range // nil: any
	sources   []oldconfig.Range // nil: any
	portRange []oldconfig.Range // nil: any
	empty     bool
	reason    string // why no cluster can have these packets
}

func (b *builder) fail(format string, args ...any) {
	if b.reason == "" {
		b.reason = fmt.Sprintf(format, args...)
	}
}

func (b *builder) match(m oldconfig.Match) {
	switch m.Field {
	case oldconfig.Destination:
		b.narrow(&b.destinations, m)
	case oldconfig.Source:
		if !isEvery(m, b.family) {
			b.narrow(&b.sources, m)
		}
	case oldconfig.Protocol:
		if b.protocols == nil && isNotTCP(m) {
			b.exceptTCP = true
			return
		}
		b.narrow(&b.protocols, m)
	case oldconfig.DestinationPort:
		b.narrow(&b.portRange, m)
	case oldconfig.InDevice:
		b.device(m)
	case oldconfig.SourceMAC:
		b.mac(m)
	case oldconfig.State:
		b.state(m)
	case oldconfig.TCPFlags:
		b.firstPackets = true
	case oldconfig.Mark:
		if !holdsFor(m, oldconfig.Number{}) {
			b.fail("it tests a mark that another rule sets: %s", m.Text)
		}
	case oldconfig.DestinationType:
		if !holdsFor(m, oldconfig.Number{Low: oldconfig.AddrTypeLocal}) {
			b.fail("it tests the type of the address: %s", m.Text)
		}
	default:
		b.fail("it tests %s", m.Text)
	}
}

// isEvery reports whether each address fulfils a match, such as -s 0/0.
func isEvery(m oldconfig.Match, family oldconfig.Family) bool {
	every := oldconfig.Range{High: oldconfig.Number{Low: math.MaxUint32}}
	if family == config.IPv6 {
		every.High = oldconfig.Number{High: math.MaxUint64, Low: math.MaxUint64}
	}
	return !m.Not && slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Contains(every) })
}

func (b *builder) narrow(have *[]oldconfig.Range, m oldconfig.Match) {
	if m.Not {
		b.fail("a negation: %s", m.Text)
		return
	}
	if *have == nil {
		*have = slices.Clone(m.In)
		return
	}
	both := []oldconfig.Range{}
	for _, x := range *have {
		for _, y := range m.In {
			if r, ok := x.Intersect(y); ok {
				both = append(both, r)
			}
		}
	}
	*have = both
	b.empty = b.empty || len(both) == 0
}

func (b *builder) device(m oldconfig.Match) {
	if m.Not || b.only.devices != nil {
		b.fail("its condition on the device: %s", m.Text)
		return
	}
	b.only.devices = slices.Sorted(slices.Values(m.Names))
}

func (b *builder) mac(m oldconfig.Match) {
	if !m.Not {
		b.fail("it marks packets of one link-layer address: %s", m.Text)
		return
	}
	for _, r := range m.In {
		b.only.exceptMACs = append(b.only.exceptMACs, r.Low)
	}
}

func (b *builder) state(m oldconfig.Match) {
	holds := func(bit uint64) bool { return holdsFor(m, oldconfig.Number{Low: bit}) }
	switch {
	case !holds(oldconfig.StateNew) && holds(oldconfig.StateRelated):
		b.fail("it marks connections only that a helper of connection tracking expects (%s); a spec has the passive range of the FTP servers in place of it", m.Text)
		return
	case !holds(oldconfig.StateNew):
		b.fail("it marks no packet that begins a connection: %s", m.Text)
		return
	}
	b.firstPackets = b.firstPackets || !holds(oldconfig.StateEstablished)
}

// finish sets the client networks and the ports. Sets of the kernel have no order, so the
// conditions are sorted.
func (b *builder) finish() {
	slices.SortFunc(b.only.exceptMACs, oldconfig.Number.Compare)
	for _, r := range b.sources {
		b.only.sources = append(b.only.sources, source{r, b.family})
	}
	if b.protocols == nil {
		if b.portRange != nil {
			b.fail("ports without a protocol")
		}
		b.everyPort = true
		return
	}
	for _, p := range b.protocols {
		for n := p.Low.Low; n <= p.High.Low; n++ {
			if !b.exceptTCP || config.Protocol(n) != config.TCP {
				b.addPorts(config.Protocol(n))
			}
		}
	}
}

func (b *builder) addPorts(p config.Protocol) {
	if !slices.Contains(config.PortProtocols(), p) {
		b.fail("protocol %d has no ports", p)
		return
	}
	ports := b.portRange
	if ports == nil {
		ports = []oldconfig.Range{{High: oldconfig.Number{Low: 65535}}}
	}
	for _, r := range ports {
		b.ports = append(b.ports, config.PortRange{Protocol: p, Low: uint16(max(1, r.Low.Low)), High: uint16(r.High.Low)})
	}
}
