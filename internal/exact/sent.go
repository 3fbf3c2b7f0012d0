package exact

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// This file compiles the chains that packets pass from IPVS to real servers. They follow the
// rules of IPVS in the program, and the machine runs them once for each real server of the
// service that IPVS selects. The address of the real server is known only then: rules test
// it like the mark.
//
// IPVS sends packets through the output hook (ip_vs_nat_send_or_cont and ip_vs_send_or_cont
// of net/netfilter/ipvs/ip_vs_xmit.c). Those of tunnels are packets of another protocol
// there, and are not followed.

// Tracking is net.ipv4.vs.conntrack. Without it, IPVS sends packets without connection
// tracking (ip_vs_notrack), so that chains of type nat do not translate them.
type Tracking uint8

const (
	TrackingUnknown Tracking = iota // the same on both sides, if unknown on both
	Tracked
	Untracked
)

// A form is what the headers of a packet contain that IPVS sends.
type form uint8

const (
	portKept    form = iota // with nat, the address of the real server
	portChanged             // with nat, the address and the port of the real server
	unchanged               // with direct forwarding, what the client has sent
	forms
)

// Fields of dynamic tests: of the real server that the packet is sent to.
const (
	serverAddress oldconfig.Field = 0x80 + iota
	serverPort
	serverForm
	tracked // the packet has a connection whose original destination is its own
)

func toServers() path {
	return path{
		name: "from IPVS to real servers", hooks: []oldconfig.Hook{oldconfig.Output, oldconfig.Postrouting},
		below: 99, sent: true, outgoing: true,
	}
}

// formOf returns the form of packets to a real server; false: verify does not follow them.
func (v *served) formOf(r oldconfig.RealServer) (form, bool) {
	switch {
	case r.RawForwarding != 0 || r.Forwarding == config.Tunnel:
		return 0, false
	case r.Forwarding == config.Direct:
		return unchanged, true
	case v.rewrites(r):
		return portChanged, true
	}
	return portKept, true
}

// formsOf returns the forms that packets of services have.
func formsOf(sides ...Side) []form {
	var found [forms]bool
	for _, side := range sides {
		for _, s := range side.Services {
			v := &served{Service: s}
			for _, r := range s.RealServers {
				if f, ok := v.formOf(r); ok {
					found[f] = true
					found[portKept] = found[portKept] || f == portChanged // at VIP:21, other ports are kept
				}
			}
		}
	}
	var list []form
	for f := range forms {
		if found[f] {
			list = append(list, f)
		}
	}
	return list
}

// sentChains compiles the chains of a side behind IPVS.
func (c *compiler) sentChains(side Side) []baseChain {
	before := c.path
	defer func() { c.path = before }()
	c.path = toServers()
	c.index(side)
	var list []baseChain
	for _, chain := range c.baseChains(side.Chains) {
		drops := chain.Base.Drops
		if b := c.baseBlock(chain); len(b.rules) > 0 || drops {
			list = append(list, baseChain{block: b, drops: drops, nat: chain.Base.NAT, hook: chain.Base.Hook, sent: true, late: isLate(chain.Base)})
		}
	}
	if list == nil {
		return nil
	}
	if untracks := c.untracks(side.Tracking); untracks != nil {
		list = slices.Insert(list, 0, baseChain{block: untracks, hook: ipvsHook, sent: true})
	}
	return list
}

// sentChainsOf returns the chains behind IPVS of both sides; none if they treat equally what
// the same service takes.
func (c *compiler) sentChainsOf(before, after Side) (behind [2][]baseChain) {
	if !c.path.toLocal {
		return behind
	}
	old, new := c.sentChains(before), c.sentChains(after)
	if sameWhateverMark(old, new) {
		return behind
	}
	return [2][]baseChain{old, new}
}

// trackingName is the line of the rules that stand for net.ipv4.vs.conntrack.
const trackingName = "net.ipv4.vs.conntrack"

// untracks returns rules that end the tracking of packets that IPVS sends, as the setting
// says.
func (c *compiler) untracks(t Tracking) *block {
	of := &oldconfig.Rule{Line: oldconfig.Line{Text: trackingName}}
	var rules []*rule
	switch t {
	case Tracked:
		return nil
	case TrackingUnknown:
		isOn := c.dynamicTest(trackingName, &dynamicTest{
			field: oldconfig.NotUnderstood, origin: of, text: trackingName,
			reason: "no file sets it; give a file with the line «net.ipv4.vs.conntrack = 0» or «= 1»",
		})
		accept := c.action(trackingName+" accept", &action{Action: oldconfig.Action{Kind: oldconfig.Accept}, port: -1, origin: of})
		rules = append(rules, c.rule([]segment{{dynamic: []*dynamicTest{isOn}, actions: []*action{accept}}}, of))
	}
	untrack := c.action(trackingName+" untrack", &action{Action: oldconfig.Action{Kind: oldconfig.Untrack}, port: -1, origin: of})
	return c.block(append(rules, c.rule([]segment{{actions: []*action{untrack}}}, of)))
}

// sameWhateverMark reports whether chains behind IPVS do the same on both sides with packets
// that the same service takes. Then they need no comparison.
func sameWhateverMark(old, new []baseChain) bool {
	if len(old) != len(new) {
		return false
	}
	for i := range old {
		if old[i] != new[i] || old[i].uses&testsMark != 0 {
			return false
		}
	}
	return true
}

// sentRules compiles a rule for each form of packets that it treats in another way.
func (c *compiler) sentRules(r *oldconfig.Rule, table string) []*rule {
	var list [][]segment
	for _, f := range c.forms {
		c.form = f
		list = append(list, c.segments(r, table))
	}
	if len(list) == 0 {
		return nil
	}
	if slices.ContainsFunc(list, func(s []segment) bool { return !equalSegments(s, list[0]) }) {
		return c.formRules(r, list)
	}
	if list[0] == nil {
		return nil
	}
	return []*rule{c.source(list[0], r, "sent")}
}

// formRules returns rules that test the form.
func (c *compiler) formRules(r *oldconfig.Rule, list [][]segment) (rules []*rule) {
	for i, segments := range list {
		if segments == nil {
			continue
		}
		variant := fmt.Sprintf("form %d", c.forms[i])
		isForm := c.dynamicTest(variant, &dynamicTest{field: serverForm, values: single(uint64(c.forms[i]))})
		segments[0].dynamic = append([]*dynamicTest{isForm}, segments[0].dynamic...)
		rules = append(rules, c.source(segments, r, variant))
	}
	return rules
}

func equalSegments(a, b []segment) bool {
	return slices.EqualFunc(a, b, func(a, b segment) bool {
		return slices.Equal(a.tests, b.tests) && slices.Equal(a.dynamic, b.dynamic) && slices.Equal(a.actions, b.actions)
	})
}

// isToAddress reports whether an action translates the source to one address. If that is the
// VIP of the packet, it does the same as a translation to the original destination.
func isToAddress(a *oldconfig.Action) bool {
	return a.Kind == oldconfig.TranslateSource && len(a.To) == 1 && a.To[0].Low == a.To[0].High &&
		len(a.ToPorts) == 0 && !a.RandomPorts
}

// toVIP returns a translation of the source to the VIP of the packet.
func (in *interner) toVIP(r *oldconfig.Rule) *action {
	a := oldconfig.Action{Kind: oldconfig.TranslateSource, ToOriginal: true}
	return in.action("to the VIP", &action{Action: a, port: -1, origin: r})
}
