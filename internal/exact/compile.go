package exact

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Side is a director: its rules, in the order in which chains of the same hook and
// priority were created, and its services.
type Side struct {
	Chains   []*oldconfig.Chain
	Services []*oldconfig.Service
	Tracking Tracking
}

// A path is the hooks that packets pass.
type path struct {
	name     string
	hooks    []oldconfig.Hook
	below    int  // priority of IPVS in the input hook, NF_IP_PRI_NAT_SRC - 1 (ip_vs_core.c): only chains below it
	sent     bool // IPVS has taken them
	toLocal  bool // the destination is an address of the director
	outgoing bool // the packets leave by a device, behind the routing
	order    []field
}

func toVIPs() path {
	return path{
		name: "to IPVS", hooks: []oldconfig.Hook{oldconfig.Ingress, oldconfig.Prerouting, oldconfig.Input}, below: 99, toLocal: true,
		order: []field{protocol, tcpFlags, destination, destinationPort, source, sourcePort, inDevice, outDevice, sourceMAC, sourceType},
	}
}

func fromServers() path {
	return path{
		name: "from real servers", hooks: []oldconfig.Hook{oldconfig.Ingress, oldconfig.Prerouting, oldconfig.Forward, oldconfig.Postrouting}, outgoing: true,
		order: []field{protocol, tcpFlags, source, sourcePort, destination, destinationPort, inDevice, outDevice, sourceMAC, sourceType},
	}
}

// A compiler makes programs of one family and path. Both sides share it, so equal rules of
// both are one.
type compiler struct {
	*interner
	family  oldconfig.Family
	path    path
	devices *devices
	dynamic map[string]*dynamicTest
	number  map[*oldconfig.Rule]int
	blocks  map[atHook]*block
	open    map[*oldconfig.Chain]bool // being compiled
	chains  map[chainName]*oldconfig.Chain
	forms   []form // of packets that IPVS sends, on either side
	form    form   // that is compiled
	rest    *remainder
	routed  bool // behind the routing, packets of the path have an outgoing device
	tracked bool // a rule of the side makes the kernel track connections
	follows bool // the program is for one packet; see translated

	readsOthers bool // a match of either side depends on properties that are not in the model
}

type chainName struct{ table, name string }

func newCompiler(family oldconfig.Family, p path, d *devices, sides ...Side) *compiler {
	c := &compiler{interner: newInterner(), family: family, path: p, devices: d, dynamic: map[string]*dynamicTest{}, number: map[*oldconfig.Rule]int{}}
	c.forms = formsOf(sides...)
	c.readsOthers = slices.ContainsFunc(sides, func(s Side) bool { return slices.ContainsFunc(s.Chains, readsOthers) })
	return c
}

// index prepares to compile chains of a side.
func (c *compiler) index(side Side) {
	c.tracked = isTracking(side.Chains, c.family)
	c.blocks, c.open, c.chains = map[atHook]*block{}, map[*oldconfig.Chain]bool{}, map[chainName]*oldconfig.Chain{}
	for _, chain := range side.Chains {
		if chain.Family == c.family {
			c.chains[chainName{chain.Table, chain.Name}] = chain
		}
	}
}

// program compiles the chains of a side, in the order in which packets pass them. behind are
// those behind IPVS.
func (c *compiler) program(side Side, behind []baseChain) *program {
	c.index(side)
	list, behindNAT := c.baseChains(side.Chains), 0
	for i, chain := range list {
		if chain.Base.NAT {
			behindNAT = i + 1
		}
	}
	c.rest = nil
	rest := c.compiled(list[behindNAT:])
	if c.path.toLocal {
		if b := c.ipvsBlock(side.Services); len(b.rules) > 0 {
			rest = append(rest, baseChain{block: b, hook: ipvsHook})
			rest = append(rest, behind...)
		}
		c.rest = c.remainderOf(rest, side)
	}
	return c.interner.program(append(c.compiled(list[:behindNAT]), rest...))
}

// compiled compiles base chains; those that do nothing are left out.
func (c *compiler) compiled(list []*oldconfig.Chain) []baseChain {
	var base []baseChain
	for _, chain := range list {
		b := c.baseBlock(chain)
		if hasUnknownOrder(chain.Base) {
			b = c.ofUnknownOrder(chain, b)
		}
		drops := chain.Base.Drops && len(chain.Base.Devices) == 0
		switch {
		case len(chain.Base.Devices) > 0:
			b = c.ofDevices(chain, b)
		case chain.Base.NAT && !c.tracked && (len(b.rules) > 0 || drops):
			b, drops = c.ifTracked(chain, b), false
		}
		if len(b.rules) > 0 || drops {
			base = append(base, baseChain{block: b, drops: drops, nat: chain.Base.NAT, hook: chain.Base.Hook, late: isLate(chain.Base)})
		}
	}
	return base
}

// ipvsHook is the place of IPVS, after the chains of the input hook.
const ipvsHook = oldconfig.Postrouting + 1

// baseChains returns the chains of the path in the order in which packets pass them.
func (c *compiler) baseChains(chains []*oldconfig.Chain) []*oldconfig.Chain {
	var list []*oldconfig.Chain
	for _, chain := range oldconfig.LastFirst(chains) {
		switch b := chain.Base; {
		case chain.Family != c.family || b == nil || !slices.Contains(c.path.hooks, b.Hook):
		case b.Hook == oldconfig.Input && (b.NAT || b.Priority >= c.path.below):
		case b.Hook == oldconfig.Output && b.NAT:
		default:
			list = append(list, chain)
		}
	}
	slices.SortStableFunc(list, func(a, b *oldconfig.Chain) int {
		if a.Base.Hook != b.Base.Hook {
			return int(a.Base.Hook) - int(b.Base.Hook)
		}
		return stage(a.Base) - stage(b.Base)
	})
	return list
}

// chain compiles a chain once. A loop, which the kernel refuses, is an unknown action.
func (c *compiler) chain(chain *oldconfig.Chain) *block {
	at := atHook{chain, c.routed}
	if b := c.blocks[at]; b != nil {
		return b
	}
	c.open[chain] = true
	rules := make([]*rule, 0, len(chain.Rules))
	for _, r := range chain.Rules {
		rules = append(rules, c.compile(r, chain.Table)...)
	}
	delete(c.open, chain)
	b := c.block(rules)
	c.blocks[at] = b
	return b
}

// ofUnknownOrder returns a base chain that does something that is not understood, if it depends on
// connection tracking.
func (c *compiler) ofUnknownOrder(chain *oldconfig.Chain, inner *block) *block {
	named := func(name string) *oldconfig.Chain { return c.chains[chainName{chain.Table, name}] }
	r := asksTracking(chain, named, map[*oldconfig.Chain]bool{})
	if r == nil {
		return inner
	}
	unknown := c.compileAction(r, &oldconfig.Action{Kind: oldconfig.Opaque}, chain.Table)
	return c.block(append([]*rule{c.rule([]segment{{actions: []*action{unknown}}}, r)}, inner.rules...))
}

// ifTracked returns a base chain of type nat that runs if another program makes the kernel track
// connections.
func (c *compiler) ifTracked(chain *oldconfig.Chain, inner *block) *block {
	r := &oldconfig.Rule{Line: chain.Line}
	if len(chain.Rules) > 0 {
		r = chain.Rules[0]
	}
	runs := c.dynamicTest("tracking", &dynamicTest{
		field: oldconfig.NotUnderstood, origin: r, text: "connection tracking",
		reason: "no rule makes the kernel track connections, and chains of type nat do not run without it",
	})
	through := &action{Action: oldconfig.Action{Kind: oldconfig.Jump}, target: inner}
	rules := []*rule{c.rule([]segment{{dynamic: []*dynamicTest{runs}, actions: []*action{c.action("", through)}}}, r)}
	if chain.Base.Drops {
		drop := &action{Action: oldconfig.Action{Kind: oldconfig.Drop}}
		rules = append(rules, c.rule([]segment{{dynamic: []*dynamicTest{runs}, actions: []*action{c.action("", drop)}}}, r))
	}
	return c.block(rules)
}

// ofDevices returns the base chain of an ingress hook: packets of its devices go through it.
func (c *compiler) ofDevices(chain *oldconfig.Chain, inner *block) *block {
	devices := test{inDevice, c.set(c.devices.named(chain.Base.Devices, false))}
	through := &action{Action: oldconfig.Action{Kind: oldconfig.Jump}, target: inner}
	rules := []*rule{c.rule([]segment{{tests: []test{devices}, actions: []*action{c.action("", through)}}}, nil)}
	if chain.Base.Drops {
		drop := &action{Action: oldconfig.Action{Kind: oldconfig.Drop}}
		rules = append(rules, c.rule([]segment{{tests: []test{devices}, actions: []*action{c.action("", drop)}}}, nil))
	}
	return c.block(rules)
}

// compile returns the rule; none if no packet of the path matches, or if it does nothing.
func (c *compiler) compile(r *oldconfig.Rule, table string) []*rule {
	if c.path.sent {
		return c.sentRules(r, table)
	}
	if segments := c.segments(r, table); segments != nil {
		return []*rule{c.source(segments, r, fmt.Sprint("routed ", c.routed))}
	}
	return nil
}

// segments compiles a rule for packets of the path; nil as for compile.
func (c *compiler) segments(r *oldconfig.Rule, table string) (segments []segment) {
	acts := false
	for at := r; at != nil; at = at.Then {
		tests, dynamic, possible := c.matches(r, at.Matches)
		if !possible {
			break
		}
		s := segment{tests: tests, dynamic: dynamic}
		for i := range at.Actions {
			if a := c.compileAction(r, &at.Actions[i], table); a != nil {
				s.actions = append(s.actions, a)
			}
		}
		acts = acts || len(s.actions) > 0
		segments = append(segments, s)
	}
	if !acts {
		return nil
	}
	return segments
}

func (c *compiler) compileAction(r *oldconfig.Rule, a *oldconfig.Action, table string) *action {
	compiled := &action{Action: *a, port: -1, origin: r}
	key := fmt.Sprintf("%d %x %x %x %v %v %t %t %t %t", a.Kind, a.And, a.Xor, a.Mask, a.To, a.ToPorts,
		a.ToDevice, a.ToNetwork, a.RandomPorts, a.Persistent)
	if c.path.sent && a.ToOriginal {
		return c.toVIP(r)
	}
	if compiled.orVIP = c.path.sent && isToAddress(a); compiled.orVIP {
		key += " or the VIP"
	}
	switch {
	case a.Kind == oldconfig.NoEffect && (!a.ChangesOthers || !c.readsOthers):
		return nil
	case a.Kind == oldconfig.NoEffect:
		key = fmt.Sprintf("others %d %s", c.numberOf(r), a.Text)
	case a.Kind == oldconfig.Opaque:
		key = fmt.Sprintf("opaque %d", c.numberOf(r))
	case a.Kind == oldconfig.Jump || a.Kind == oldconfig.Goto:
		target := c.chains[chainName{table, a.Chain}]
		if target == nil || c.open[target] {
			compiled.Kind = oldconfig.Opaque
			key = fmt.Sprintf("opaque %d", c.numberOf(r))
			break
		}
		compiled.target = c.chain(target)
		key += fmt.Sprintf(" block %d", compiled.target.id)
	case a.Kind == oldconfig.TranslateDestination && c.rest != nil:
		compiled.rest = c.translated(a, r)
		key += fmt.Sprintf(" rest %d", compiled.rest.id)
	case len(a.SetMarkByAddr) > 0:
		compiled.byAddr, key = sortedMarks(a.SetMarkByAddr), ""
	}
	return c.action(key, compiled)
}

func sortedMarks(marks []oldconfig.MarkOf) []oldconfig.MarkOf {
	sorted := slices.Clone(marks)
	slices.SortFunc(sorted, func(a, b oldconfig.MarkOf) int { return a.Destination.Low.Compare(b.Destination.Low) })
	return sorted
}

func (c *compiler) numberOf(r *oldconfig.Rule) int {
	if c.number[r] == 0 {
		c.number[r] = len(c.number) + 1
	}
	return c.number[r]
}

func addressNumber(a netip.Addr) oldconfig.Number {
	if a.Is4() {
		b := a.As4()
		return number(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return oldconfig.Number{High: binary.BigEndian.Uint64(b[:8]), Low: binary.BigEndian.Uint64(b[8:])}
}

func address(n oldconfig.Number, family oldconfig.Family) netip.Addr {
	if family == oldconfig.Family(4) {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n.Low))))
	}
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n.High), n.Low)))
}
