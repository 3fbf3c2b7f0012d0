package nft

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Marks says which marks a ruleset gives to packets: for each VIP its ports in
// order, adjacent ones with the same mark in one range. Two rulesets with the
// same Marks do the same to packets, whatever their maps and chains. Rules that
// lvsmark does not make are left out; see RuleKind.
type Marks map[netip.Addr][]MarkedPorts

// MarkedPorts are ports of a VIP whose packets carry a mark.
type MarkedPorts struct {
	config.PortRange
	Mark uint32 // host byte order
}

// Marks reads the rules of the ruleset's chains.
func (r *Ruleset) Marks() Marks {
	marks := Marks{}
	for _, family := range Families() {
		chains := r.markChains(family)
		for vip := range vipsOf(chains) {
			if ports := marksOf(vip, chains); len(ports) > 0 {
				marks[vip] = ports
			}
		}
	}
	return marks
}

// A markChain is a base chain as packets meet it.
type markChain struct {
	priority int32
	steps    []markStep
}

// A markStep is a rule that lvsmark makes.
type markStep struct {
	ports   []config.PortRange    // the same of several protocols
	within  netip.Prefix          // the network of its VIPs; invalid: no matter
	set     *Set                  // of VIPs
	accepts bool                  // a packet that got its mark leaves the chain
	chains  map[string][]markStep // that the rule sends VIPs to; nil: it gives them marks
}

// markChains are the chains that mark packets, in the order in which a packet
// passes them.
func (r *Ruleset) markChains(family Family) []markChain {
	var chains []markChain
	for _, t := range r.Tables {
		if t.Family != family || t.Flags&unix.NFT_TABLE_F_DORMANT != 0 {
			continue
		}
		for _, c := range t.Chains {
			if c.marks() {
				chains = append(chains, markChain{c.Priority, t.markSteps(c)})
			}
		}
	}
	slices.SortStableFunc(chains, func(a, b markChain) int { return cmp.Compare(a.priority, b.priority) })
	return chains
}

// marks reports whether the rules of the chain are in Marks, but for those of
// chains to which it sends VIPs.
func (c *Chain) marks() bool { return c.Type == "filter" && c.Hook == unix.NF_INET_PRE_ROUTING }

func (t *Table) markSteps(c *Chain) []markStep {
	var steps []markStep
	protocols := []config.Protocol{config.TCP, config.UDP} // that come so far
	for _, r := range c.Rules {
		if only, ok := t.onlyProtocol(r); ok {
			protocols = slices.DeleteFunc(protocols, func(p config.Protocol) bool { return p != only })
		} else if to, ok := t.vipSwitch(r); ok {
			steps = append(steps, markStep{within: to.within, set: ordered(to.set), chains: t.markStepsByChain(protocols)})
		} else if step, ok := t.markStep(r, protocols); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

func (t *Table) markStep(r *Rule, protocols []config.Protocol) (markStep, bool) {
	test, ok := t.markTest(r)
	if !ok {
		return markStep{}, false
	}
	ports := slices.DeleteFunc(test.ports, func(ports config.PortRange) bool { return !slices.Contains(protocols, ports.Protocol) })
	return markStep{ports: ports, within: test.within, set: ordered(test.set), accepts: test.accepts}, true
}

// ordered is the set with its elements in order, as find needs them.
func ordered(s *Set) *Set {
	sorted := *s
	sorted.Elements = s.inOrder(s.Elements)
	return &sorted
}

// markStepsByChain are the rules of the chains to which VIPs may be sent. No
// packet comes back from there, and none is sent on by VIP.
func (t *Table) markStepsByChain(protocols []config.Protocol) map[string][]markStep {
	byName := map[string][]markStep{}
	for _, c := range t.Chains {
		if c.Type == "" {
			for _, r := range c.Rules {
				if step, ok := t.markStep(r, protocols); ok {
					byName[c.Name] = append(byName[c.Name], step)
				}
			}
		}
	}
	return byName
}

// find returns what the set, whose elements are in order, has for the VIP.
func (s *Set) find(vip netip.Addr) (parts, bool) {
	key := elementKey(vip.AsSlice())
	i, ok := slices.BinarySearchFunc(s.Elements, key, func(e Element, key string) int { return strings.Compare(e.Key, key) })
	if !ok {
		return parts{}, false
	}
	_, ok = s.vip(s.Elements[i])
	return s.Elements[i].parts(), ok
}

// vip is the VIP of an element of a map from VIPs.
func (s *Set) vip(e Element) (netip.Addr, bool) {
	p := e.parts()
	vip, ok := addrOf(p.key)
	return vip, ok && !p.end && (len(p.data) == 4 || p.isVerdict)
}

func (s *Set) hasVIPs() bool {
	return s.isMap() && !s.isInterval() && (s.KeyType == typeIPv4 || s.KeyType == typeIPv6) &&
		(s.DataType == typeMark || s.DataType == typeVerdict)
}

func vipsOf(chains []markChain) map[netip.Addr]bool {
	vips := map[netip.Addr]bool{}
	for _, c := range chains {
		for _, step := range c.steps {
			for _, e := range step.set.Elements {
				if vip, ok := step.set.vip(e); ok {
					vips[vip] = true
				}
			}
		}
	}
	return vips
}

// A markRule is a step as it is for one VIP.
type markRule struct {
	ports   config.PortRange
	mark    uint32
	accepts bool
}

// marksOf tries, of the ports of the rules that a packet to the VIP meets, the
// first of each stretch within which no rule begins or ends.
func marksOf(vip netip.Addr, chains []markChain) []MarkedPorts {
	rules := make([][]markRule, len(chains))
	starts := map[config.Protocol][]int{}
	for i, c := range chains {
		rules[i] = rulesFor(vip, c.steps, nil)
		for _, r := range rules[i] {
			starts[r.ports.Protocol] = append(starts[r.ports.Protocol], int(r.ports.Low), int(r.ports.High)+1)
		}
	}
	var marked []MarkedPorts
	for _, protocol := range []config.Protocol{config.TCP, config.UDP} {
		bounds := starts[protocol]
		slices.Sort(bounds)
		bounds = slices.Compact(bounds)
		for i := range len(bounds) - 1 {
			ports := config.PortRange{Protocol: protocol, Low: uint16(bounds[i]), High: uint16(bounds[i+1] - 1)}
			if mark := markAt(ports, rules); mark != 0 {
				marked = appendPorts(marked, MarkedPorts{ports, mark})
			}
		}
	}
	return marked
}

func rulesFor(vip netip.Addr, steps []markStep, rules []markRule) []markRule {
	for _, s := range steps {
		element, ok := s.set.find(vip)
		switch {
		case !ok, s.within.IsValid() && !s.within.Contains(vip):
		case s.chains != nil:
			return rulesFor(vip, s.chains[element.chain], rules)
		default:
			for _, ports := range s.ports {
				rules = append(rules, markRule{ports, hostOrdered(element.data), s.accepts})
			}
		}
	}
	return rules
}

// markAt is the mark of a packet behind all chains; 0: it has none.
func markAt(ports config.PortRange, chains [][]markRule) (mark uint32) {
	for _, rules := range chains {
		for _, r := range rules {
			if !r.ports.Overlaps(ports) {
				continue
			}
			mark = r.mark
			if r.accepts {
				break
			}
		}
	}
	return mark
}

func appendPorts(list []MarkedPorts, next MarkedPorts) []MarkedPorts {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.Mark == next.Mark && last.Protocol == next.Protocol && int(last.High)+1 == int(next.Low) {
			last.High = next.High
			return list
		}
	}
	return append(list, next)
}
