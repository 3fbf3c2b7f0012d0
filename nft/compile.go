package nft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// tableComment identifies lvsmark's tables; see owned.
const (
	tableComment = commentMark + " compiled from a spec; change that, not this"
	commentMark  = "lvsmark:"
)

// Names of objects in the tables.
const (
	vipsMap         = "vips"
	vipNetworksName = "vip" + networksSuffix
)

// Compile compiles the spec to tables: one for each address family of its clusters. It does
// not access the kernel.
func Compile(spec *config.Spec) *Ruleset {
	r := &Ruleset{}
	for _, family := range config.Families() {
		profiles := profilesOf(spec, family)
		if len(profiles) == 0 {
			continue
		}
		t := &Table{Family: familyOf(family), Name: spec.Director.Table, Comment: tableComment}
		compileMarks(t, profiles, spec.Director)
		compileActiveData(t, spec)
		compileSourceNAT(t, spec)
		compileLedger(t, spec, len(r.Tables) == 0)
		r.Tables = append(r.Tables, t)
	}
	return r
}

// compileMarks adds the maps from VIP to mark and the chain that looks them up. Rules test
// the port before the VIP: most packets have a port of one profile or of none. Then one
// lookup follows, for any number of VIPs. Responses to clients, most of the other packets,
// have a destination address outside the network of the VIPs.
func compileMarks(t *Table, profiles []*profile, director config.Director) {
	for _, p := range profiles {
		switch {
		case p.isSharded():
			t.Sets = append(t.Sets, p.shardMap())
		case len(p.vips) > 0:
			t.Sets = append(t.Sets, markMap(t.Family, p))
		}
	}
	compileSelections(t, profiles)
	m := marking{only: protocolOf(profiles), first: director.Marks == config.FirstPacket && marksTCP(profiles)}
	if m.only != 0 {
		m.rules = append(m.rules, newRule(t.Family).protocolIsNot(m.only).accept().rule())
	}
	if marksClientPorts(profiles) {
		m.rules = append(m.rules, answerRule(t.Family, m.only))
	}
	if isSequential(profiles) {
		m.rules = append(m.rules, markRules(t.Family, profiles, m.only, true)...)
		t.Sets = append(t.Sets, networkMaps(t.Family, profiles)...)
	} else {
		maps := compileGroups(t, profiles, m.only)
		for _, vips := range maps {
			toVIPs := newRule(t.Family).within(networkOfAll(profiles))
			m.rules = append(m.rules, toVIPs.daddr().vmap(vips.Name).rule())
		}
		t.Sets = slices.Concat(t.Sets, maps, networkMaps(t.Family, profiles))
	}
	compileHooks(t, director, m)
}

// compileGroups adds a chain for each group of VIPs, and returns the verdict maps from VIPs
// to these chains.
func compileGroups(t *Table, profiles []*profile, only config.Protocol) []*Set {
	vips := hashMap(vipsMap, "VIP : chain of its ports", t.Family, typeVerdict, 0)
	groups := groupVIPs(profiles)
	for _, s := range groups {
		t.Chains = append(t.Chains, &Chain{Name: s.name, Rules: markRules(t.Family, s.profiles, only, false)})
		for _, vip := range s.vips {
			vips.Elements = append(vips.Elements, Element{Key: elementKey(vip.AsSlice()), Rest: gotoRest(s.name)})
		}
	}
	vips.Size = sizeFor(len(vips.Elements))
	sortElements(vips)
	maps := []*Set{vips}
	if len(vips.Elements) == 0 {
		maps = nil
	}
	return append(maps, groupMaps(t.Family, groups)...)
}

// compileSelections adds the sets of the profiles' conditions.
func compileSelections(t *Table, profiles []*profile) {
	for _, p := range profiles {
		for _, set := range p.only.sets() {
			if t.Set(set.Name) == nil {
				t.Sets = append(t.Sets, set)
			}
		}
	}
}

// isSequential reports whether packets are tested against one profile after the other. With
// many profiles they are dispatched by VIP instead, and also if two profiles have a common
// port range, where packets would need two lookups. A sharded cluster has a chain.
func isSequential(profiles []*profile) bool {
	switch {
	case slices.ContainsFunc(profiles, (*profile).isSharded):
	case len(profiles) == 1:
		return true
	case len(profiles) == 2:
		return !profiles[0].sharesRange(profiles[1])
	}
	return false
}

func markMap(family Family, p *profile) *Set {
	s := hashMap(p.name, "VIP : fwmark", family, typeMark, 4)
	s.Elements = make([]Element, len(p.vips))
	for i, v := range p.vips {
		s.Elements[i] = Element{Key: elementKey(v.vip.AsSlice()), Rest: valueRest(markBytes(v.mark))}
	}
	s.Size = sizeFor(len(s.Elements))
	return s
}

// maxRulesBeforeRange is the maximum number of rules for narrower ports before the widest
// range. Each costs the packets of that range one comparison, or two if it also tests the
// protocol. An accept in a rule that comes first costs as much as about four comparisons.
const maxRulesBeforeRange = 4

// A markTest is what a rule that marks tests.
type markTest struct {
	ports  config.PortRange
	sender senderTest
	of     *profile
}

// allTCPPorts are the ports of the rule that looks up a port in a map.
func allTCPPorts() config.PortRange {
	return config.PortRange{Protocol: config.TCP, Low: 0, High: 65535}
}

func markTests(profiles []*profile) []markTest {
	var tests []markTest
	for _, p := range profiles {
		ports := p.ports
		if p.isSharded() {
			ports = []config.PortRange{allTCPPorts()}
		}
		for _, r := range ports {
			for _, sender := range p.only.senderTests() {
				tests = append(tests, markTest{r, sender, p})
			}
		}
	}
	return tests
}

// restricted returns 1 if the cluster takes only some of the packets, else 0.
func (t markTest) restricted() int {
	if t.of.only.name == "" {
		return 0
	}
	return 1
}

// markRules returns the rules of the profiles. Most packets belong to data connections, so
// the widest range comes last, where no test follows, or first if many rules would precede
// it. In a chain for packets to any address, rules for a range test the network of the VIPs
// first.
func markRules(family Family, profiles []*profile, only config.Protocol, anyAddress bool) []*Rule {
	tests := markTests(profiles)
	restricted := slices.ContainsFunc(profiles, func(p *profile) bool { return p.only.name != "" })
	first := only == 0 || len(tests) > maxRulesBeforeRange+1 || restricted
	slices.SortStableFunc(tests, func(a, b markTest) int {
		if first {
			a, b = b, a
		}
		return cmp.Or(cmp.Compare(a.restricted(), b.restricted()), cmp.Compare(a.ports.Width(), b.ports.Width()))
	})
	tests = slices.Concat( // packets to other ports of the VIP come last
		slices.DeleteFunc(slices.Clone(tests), func(t markTest) bool { return t.ports.IsAll() }),
		slices.DeleteFunc(slices.Clone(tests), func(t markTest) bool { return !t.ports.IsAll() }))
	rules := make([]*Rule, 0, len(tests))
	for i, t := range tests {
		maps := t.of.maps()
		for k, name := range maps {
			b := newRule(family)
			if anyAddress && t.ports.Width() > 1 {
				b.within(t.of.network())
			}
			b.marks(t, only, name)
			if first && i < len(tests)-1 || k < len(maps)-1 {
				b.accept()
			}
			rules = append(rules, b.rule())
		}
	}
	return rules
}

// marks adds the test and the statement that sets the mark by a map of the profile. only is
// the protocol of all packets here, or 0.
func (b *ruleBuilder) marks(t markTest, only config.Protocol, name string) {
	switch {
	case t.of.isSharded():
		if only == 0 {
			b.protocolIs(config.TCP)
		}
		b.selected(t.of.only, t.sender).portMark(name)
		return
	case t.ports.IsAll():
	case only != 0:
		b.anyDport(t.ports)
	default:
		b.dport(t.ports)
	}
	b.selected(t.of.only, t.sender).daddr().lookup(name).setMark()
}
