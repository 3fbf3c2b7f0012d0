package nft

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// The functions of this file decode the rules and chains that Compile produces. They compare
// rules by meaning, not by form.

// MarkChains returns the base chains whose rules mark packets, in all hooks. A GotoRule in
// them leads to further chains.
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
	if len(rest) == 0 {
		rule.Ports = []config.PortRange{config.AllPorts()}
		return rule, true
	}
	rule.Ports, ok = rest.takePorts(destinationPort)
	return rule, ok && len(rest) == 0
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

// IsAnswerRule reports whether the rule accepts answers that belong to connections of the
// director, before they get a mark.
func (t *Table) IsAnswerRule(r *Rule) bool {
	return t.asksForSocket(r) || t.means(r, localAnswerRule)
}

// asksForSocket reports whether the rule is that for answers to connections of the director.
func (t *Table) asksForSocket(r *Rule) bool { return t.means(r, answerRule) }

func (t *Table) means(r *Rule, build func(Family, config.Protocol) *Rule) bool {
	m, ok := t.meaning(r)
	return ok && slices.ContainsFunc([]config.Protocol{0, config.TCP}, func(only config.Protocol) bool {
		want, _ := t.meaning(build(t.Family, only))
		return m.String() == want.String()
	})
}

// WithoutAnswerRules returns the ruleset without the rules that ask for a socket, for kernels
// without nft_socket.
func (r *Ruleset) WithoutAnswerRules() *Ruleset {
	reduced := &Ruleset{foreign: r.foreign}
	for _, t := range r.Tables {
		table := *t
		table.Chains = make([]*Chain, len(t.Chains))
		for i, c := range t.Chains {
			chain := *c
			chain.Rules = slices.DeleteFunc(slices.Clone(c.Rules), t.asksForSocket)
			table.Chains[i] = &chain
		}
		reduced.Tables = append(reduced.Tables, &table)
	}
	return reduced
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

// A VIPMap is a map from VIPs to marks, or a verdict map from VIPs to chains. The zero value
// is empty.
type VIPMap struct{ elements []Element } // sorted by key

// A VIPEntry is an entry of a VIPMap.
type VIPEntry struct {
	VIP   netip.Addr
	Mark  uint32 // host byte order; 0 in a verdict map
	Chain string // empty in a map of marks
}

// VIPMap returns the set as a map from VIPs; false if it is not such a map.
func (s *Set) VIPMap() (VIPMap, bool) {
	if !s.hasVIPs() {
		return VIPMap{}, false
	}
	return VIPMap{s.sorted(s.Elements)}, true
}

func (s *Set) hasVIPs() bool {
	return s.isMap() && !s.isInterval() && (s.KeyType == typeIPv4 || s.KeyType == typeIPv6) &&
		(s.DataType == typeMark || s.DataType == typeVerdict)
}

// Find returns the entry of a VIP; false if there is none.
func (m VIPMap) Find(vip netip.Addr) (VIPEntry, bool) {
	key := elementKey(vip.AsSlice())
	i, ok := slices.BinarySearchFunc(m.elements, key, func(e Element, key string) int { return strings.Compare(e.Key, key) })
	if !ok {
		return VIPEntry{}, false
	}
	return m.elements[i].vipEntry()
}

// All yields the entries sorted by VIP.
func (m VIPMap) All() iter.Seq[VIPEntry] {
	return func(yield func(VIPEntry) bool) {
		for _, e := range m.elements {
			if entry, ok := e.vipEntry(); ok && !yield(entry) {
				return
			}
		}
	}
}

// VIPEntry returns the element as an entry of a VIPMap; false if its set is not one.
func (o Object) VIPEntry() (VIPEntry, bool) {
	if o.Element == nil || !o.Set.hasVIPs() {
		return VIPEntry{}, false
	}
	return o.Element.vipEntry()
}

func (e Element) vipEntry() (VIPEntry, bool) {
	p := e.parts()
	vip, ok := addrOf(p.key)
	entry := VIPEntry{VIP: vip, Chain: p.chain}
	if len(p.data) == 4 {
		entry.Mark = hostOrdered(p.data)
	}
	return entry, ok && !p.end && (len(p.data) == 4 || p.isVerdict)
}

// AddressRanges returns the addresses of the set, a range for each element or interval;
// none if its keys are not addresses.
func (s *Set) AddressRanges() []AddressRange {
	var list []AddressRange
	for i, e := range s.Elements {
		p := e.parts()
		first, ok := addrOf(p.key)
		if !ok || p.end {
			continue
		}
		last := first
		if s.isInterval() {
			last = s.lastOf(i, first)
		}
		list = append(list, AddressRange{first, last})
	}
	return list
}

// AddressRange returns the addresses of an element; invalid if the object is not an element
// or its key is not an address.
func (o Object) AddressRange() AddressRange {
	if o.Interval != nil {
		return o.Interval.AddressRange
	}
	if o.Element == nil {
		return AddressRange{}
	}
	address, _ := addrOf(o.Element.parts().key)
	return AddressRange{address, address}
}

// MarkKey returns the mark that an element of a set of marks has; false if the object is
// not one.
func (o Object) MarkKey() (uint32, bool) {
	if o.Element == nil || o.Set.KeyType != typeMark || isLedgerSet(o.Set.Name) {
		return 0, false
	}
	key := o.Element.parts().key
	if len(key) != 4 {
		return 0, false
	}
	return hostOrdered(key), true
}

// MarkKeys returns the marks of the set, in host byte order; none if its keys are not marks.
func (s *Set) MarkKeys() []uint32 {
	if s.KeyType != typeMark || s.KeyLen != 4 {
		return nil
	}
	marks := make([]uint32, 0, len(s.Elements))
	for _, e := range s.Elements {
		if key := e.parts().key; len(key) == 4 {
			marks = append(marks, hostOrdered(key))
		}
	}
	return marks
}
