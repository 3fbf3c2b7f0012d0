package nft

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/google/nftables/expr"
	"github.com/lvsmark/lvsmark/config"
)

// The functions of this file decode the rules and chains that Compile produces. They compare
// rules by meaning, not by form.

// MarkChains returns the base chains whose rules mark packets, in all hooks. A GotoRule or a
// FirstPacketRule in them leads to further chains.
func (t *Table) MarkChains() []*Chain { return t.chainsThat((*Chain).setsMarks) }

// NATChains returns the base chains that translate source addresses.
func (t *Table) NATChains() []*Chain {
	return t.chainsThat(func(c *Chain) bool { return c.Type == "nat" && c.Hook == HookPostrouting })
}

func (t *Table) chainsThat(is func(*Chain) bool) []*Chain {
	return slices.DeleteFunc(slices.Clone(t.Chains), func(c *Chain) bool { return !is(c) })
}

// IsDormant reports whether packets do not traverse the chains of the table.
func (t *Table) IsDormant() bool { return t.Flags&unix.NFT_TABLE_F_DORMANT != 0 }

// A MarkRule sets the mark of packets to certain ports to a map's value for their VIP.
type MarkRule struct {
	Ports   []config.PortRange // the same ports, of one protocol or of each; or config.AllPorts
	Within  netip.Prefix       // network of the VIPs; invalid: any
	VIPs    *Set               // see VIPMap
	Accepts bool               // marked packets leave the chain
	Only    Selection
}

// A Selection is the conditions of a MarkRule beside ports and VIPs. The zero value is none.
type Selection struct {
	Sources, Devices *Set // that packets must be from; nil: any
	ExceptMACs       *Set // Ethernet senders that packets must not be from; nil: none
	NotEthernet      bool // only packets of other devices
}

// Includes reports whether all packets that meet the conditions of other meet those of s.
// It ignores NotEthernet.
func (s Selection) Includes(other Selection) bool {
	return includesAll(s.Sources, other.Sources) && includesAll(s.Devices, other.Devices) &&
		(s.ExceptMACs == nil || other.ExceptMACs != nil && holdsAll(other.ExceptMACs, s.ExceptMACs))
}

// includesAll is holdsAll for sets of which nil means any packet.
func includesAll(wide, narrow *Set) bool {
	return wide == nil || narrow != nil && holdsAll(wide, narrow)
}

// holdsAll reports whether the keys of narrow are in wide.
func holdsAll(wide, narrow *Set) bool {
	if slices.Equal(wide.Elements, narrow.Elements) {
		return true
	}
	keys, others, i := wide.addressRanges(), narrow.addressRanges(), 0
	if keys == nil || others == nil {
		return !slices.ContainsFunc(narrow.Elements, func(e Element) bool {
			_, found := slices.BinarySearchFunc(wide.Elements, e.Key, func(e Element, key string) int { return strings.Compare(e.Key, key) })
			return !found
		})
	}
	for _, r := range others {
		for i < len(keys) && keys[i].Last.Less(r.First) {
			i++
		}
		if i == len(keys) || !keys[i].Encloses(r) {
			return false
		}
	}
	return true
}

// addressRanges returns the addresses of a set of intervals; adjacent ones are one range. It returns
// nil for other sets.
func (s *Set) addressRanges() []AddressRange {
	if !s.isInterval() {
		return nil
	}
	var list []AddressRange
	for _, interval := range s.intervals() {
		if n := len(list) - 1; n >= 0 && list[n].Last.Next() == interval.First {
			list[n].Last = interval.Last
		} else {
			list = append(list, interval.AddressRange)
		}
	}
	return list
}

// MarkRule decodes a rule of the table; false if it is not a MarkRule.
func (t *Table) MarkRule(r *Rule) (MarkRule, bool) {
	steps := t.steps(r)
	accepts := len(steps) == 2 && len(steps[1].conditions) == 0 && steps[1].statement == accepting
	if len(steps) != 1 && !accepts {
		return MarkRule{}, false
	}
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, destinationOf(t.Family))
	if !ok || !set.hasVIPs() || set.DataType != typeMark ||
		steps[0].statement != markStatement(set, destinationOf(t.Family)) {
		return MarkRule{}, false
	}
	rule := MarkRule{Within: rest.takeNetwork(t.Family), VIPs: set, Accepts: accepts}
	rule.Only, ok = rest.takeSelection(t)
	if len(rest) == 0 {
		rule.Ports = []config.PortRange{config.AllPorts()}
		return rule, ok
	}
	if !ok {
		return MarkRule{}, false
	}
	rule.Ports, ok = rest.takePorts(destinationPort)
	return rule, ok && len(rest) == 0
}

// A PortMarkRule sets the mark of packets to a map's value for their TCP port.
type PortMarkRule struct {
	Ports   *Set // see PortMarks
	Accepts bool // marked packets leave the chain
	Only    Selection
}

// PortMarkRule decodes a rule of the table; false if it is not a PortMarkRule.
func (t *Table) PortMarkRule(r *Rule) (PortMarkRule, bool) {
	steps := t.steps(r)
	accepts := len(steps) == 2 && len(steps[1].conditions) == 0 && steps[1].statement == accepting
	if len(steps) != 1 && !accepts {
		return PortMarkRule{}, false
	}
	port := packetBytes(expr.PayloadBaseTransportHeader, destinationPort, 2)
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, port)
	if !ok || !set.isPortMap() || steps[0].statement != markStatement(set, port) || !rest.take(hasTransportHeader) {
		return PortMarkRule{}, false
	}
	rest.takeProtocol(config.TCP, false)
	only, ok := rest.takeSelection(t)
	return PortMarkRule{set, accepts, only}, ok && len(rest) == 0
}

// Any reports whether the conditions select all packets.
func (s Selection) Any() bool { return s == Selection{} }

// takeSelection removes the conditions of a Selection; false if they have another form.
func (c conditions) takeSelection(t *Table) (s Selection, ok bool) {
	s.Sources, _ = c.takeSet(t, sourceOf(t.Family))
	s.Devices, _ = c.takeSet(t, metaBytes(expr.MetaKeyIIFNAME, 0, unix.IFNAMSIZ))
	s.ExceptMACs, _ = c.takeLookup(t, packetBytes(expr.PayloadBaseLLHeader, 6, 6), true)
	ethernet := string(ethernetType())
	deviceType := metaBytes(expr.MetaKeyIIFTYPE, 0, 2)
	s.NotEthernet = c.take(condition{of: operandOf(deviceType), low: ethernet, high: ethernet, not: true})
	if s.ExceptMACs == nil {
		return s, true
	}
	low, _, ok := c.takeRange(deviceType)
	return s, ok && low == ethernet && !s.NotEthernet
}

// A GotoRule sends packets to the chain that a verdict map has for their VIP.
type GotoRule struct {
	Within netip.Prefix // as in MarkRule
	VIPs   *Set         // see VIPMap
}

// GotoRule decodes a rule of the table; false if it is not a GotoRule.
func (t *Table) GotoRule(r *Rule) (GotoRule, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return GotoRule{}, false
	}
	for _, set := range t.Sets {
		if steps[0].statement == verdictStatement(set, destinationOf(t.Family)) && set.hasVIPs() && set.DataType == typeVerdict {
			rest := steps[0].cloneConditions()
			return GotoRule{rest.takeNetwork(t.Family), set}, len(rest) == 0
		}
	}
	return GotoRule{}, false
}

// ProtocolRule decodes a rule of the table that accepts packets of all protocols except the
// returned one; false if the rule is not such a rule.
func (t *Table) ProtocolRule(r *Rule) (config.Protocol, bool) {
	steps := t.steps(r)
	if len(steps) != 1 || steps[0].statement != accepting {
		return 0, false
	}
	for _, p := range config.PortProtocols() {
		rest := steps[0].cloneConditions()
		if rest.takeProtocol(p, true) && len(rest) == 0 {
			return p, true
		}
	}
	return 0, false
}

func (t *Table) means(r *Rule, build func(Family, config.Protocol) *Rule) bool {
	m, ok := t.meaning(r)
	return ok && slices.ContainsFunc([]config.Protocol{0, config.TCP}, func(only config.Protocol) bool {
		want, _ := t.meaning(build(t.Family, only))
		return m.String() == want.String()
	})
}

// MarkRules returns the rules that packets in a chain of MarkChains may reach, except those of
// a GotoRule: the rules of the chain, then those of its FirstPacketChains.
func (t *Table) MarkRules(base *Chain) []*Rule {
	rules := slices.Clone(base.Rules)
	for _, first := range t.FirstPacketChains(base) {
		rules = append(rules, first.Rules...)
	}
	return rules
}

// A TranslationRule translates the source address of active data connections from one port.
type TranslationRule struct {
	Port    uint16 // TCP source port
	Sources *Set   // source addresses; see AddressRanges
}

// TranslationRule decodes a rule of the table; false if it is not a TranslationRule.
func (t *Table) TranslationRule(r *Rule) (TranslationRule, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return TranslationRule{}, false
	}
	rest := steps[0].cloneConditions()
	set, ok := rest.takeSet(t, sourceOf(t.Family))
	if !ok || set.KeyType != addrType(t.Family) ||
		steps[0].statement != masquerading && steps[0].statement != snatStatement(set, sourceOf(t.Family)) {
		return TranslationRule{}, false
	}
	ports, ok := rest.takePorts(sourcePort)
	if !ok || len(rest) > 0 || len(ports) != 1 || ports[0].Protocol != config.TCP || ports[0].Width() > 1 {
		return TranslationRule{}, false
	}
	return TranslationRule{ports[0].Low, set}, true
}

// A SourceNATRule translates the source address of packets that IPVS sends to real servers.
type SourceNATRule struct {
	To      config.SourceNAT
	Marks   *Set // see MarkKeys
	Servers *Set // real servers; see AddressRanges
}

// SourceNATRule decodes a rule of the table; false if it is not a SourceNATRule.
func (t *Table) SourceNATRule(r *Rule) (SourceNATRule, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return SourceNATRule{}, false
	}
	rule := SourceNATRule{To: config.SourceNATMasquerade}
	switch steps[0].statement {
	case masquerading:
	case snatToOriginal(t.Family):
		rule.To = config.SourceNATToVIP
	default:
		return SourceNATRule{}, false
	}
	rest := steps[0].cloneConditions()
	marks, hasMarks := rest.takeSet(t, markOf())
	servers, hasServers := rest.takeSet(t, destinationOf(t.Family))
	if rest.take(hasConnection); !hasMarks || !hasServers || len(rest) > 0 || marks.isMap() || servers.isMap() {
		return SourceNATRule{}, false
	}
	rule.Marks, rule.Servers = marks, servers
	return rule, true
}

// steps returns the steps of the rule's meaning; none if it is unknown.
func (t *Table) steps(r *Rule) []step {
	m, _ := t.meaning(r)
	return m.steps
}
