package nft

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Marks says which marks a ruleset gives to packets: for each VIP its ports in
// order, adjacent ones with the same mark in one range. Two rulesets with the
// same Marks do the same to packets, whatever their maps and chains. Rules that
// are not of lvsmark's making are left out; see Role.
type Marks map[netip.Addr][]MarkedPorts

// MarkedPorts are ports of a VIP whose packets carry a mark.
type MarkedPorts struct {
	config.PortRange
	Mark uint32 // host byte order
}

// Marks reads the rules of the ruleset's chains.
func (r *Ruleset) Marks() Marks {
	marks := Marks{}
	for _, family := range config.Families() {
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

// A markStep is a rule of lvsmark's making.
type markStep struct {
	ports   config.PortRange
	marks   map[netip.Addr]uint32 // nil: the rule sends VIPs to chains
	accepts bool                  // a packet that got its mark leaves the chain
	chains  map[netip.Addr][]markStep
}

// markChains are the chains that mark packets, in the order in which a packet
// passes them.
func (r *Ruleset) markChains(family config.Family) []markChain {
	var chains []markChain
	for _, t := range r.Tables {
		if t.Family != family || t.Flags&unix.NFT_TABLE_F_DORMANT != 0 {
			continue
		}
		for _, c := range t.Chains {
			if c.Type == "filter" && c.Hook == unix.NF_INET_PRE_ROUTING {
				chains = append(chains, markChain{c.Priority, t.markSteps(c)})
			}
		}
	}
	slices.SortStableFunc(chains, func(a, b markChain) int { return cmp.Compare(a.priority, b.priority) })
	return chains
}

func (t *Table) markSteps(c *Chain) []markStep {
	var steps []markStep
	for _, r := range c.Rules {
		if set, ok := t.vipSwitch(r); ok {
			steps = append(steps, markStep{chains: t.chainElements(set)})
		} else if step, ok := t.markStep(r); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

func (t *Table) markStep(r *Rule) (markStep, bool) {
	test, ok := t.markTest(r)
	if !ok {
		return markStep{}, false
	}
	return markStep{ports: test.ports, marks: markElements(test.set), accepts: test.accepts}, true
}

func markElements(set *Set) map[netip.Addr]uint32 {
	marks := make(map[netip.Addr]uint32, len(set.Elements))
	for _, e := range set.Elements {
		if vip, ok := set.vip(e); ok {
			marks[vip] = binary.NativeEndian.Uint32(e.parts().data)
		}
	}
	return marks
}

// chainElements are the VIPs of a verdict map with the rules of their chains,
// from which no packet comes back, and none is sent on by VIP.
func (t *Table) chainElements(set *Set) map[netip.Addr][]markStep {
	byName := map[string][]markStep{}
	for _, c := range t.Chains {
		if c.Type == "" {
			for _, r := range c.Rules {
				if step, ok := t.markStep(r); ok {
					byName[c.Name] = append(byName[c.Name], step)
				}
			}
		}
	}
	chains := make(map[netip.Addr][]markStep, len(set.Elements))
	for _, e := range set.Elements {
		if vip, ok := set.vip(e); ok {
			chains[vip] = byName[e.parts().chain]
		}
	}
	return chains
}

// vip is the VIP of an element of a map from VIPs.
func (s *Set) vip(e Element) (netip.Addr, bool) {
	p := e.parts()
	vip, ok := netip.AddrFromSlice(p.key)
	return vip, ok && !p.end && (len(p.data) == 4 || p.isVerdict)
}

func (s *Set) hasVIPs() bool {
	return s.isMap() && !s.isInterval() && (s.KeyType == typeIPv4 || s.KeyType == typeIPv6) &&
		(s.DataType == typeMark || s.DataType == typeVerdict)
}

func vipsOf(chains []markChain) map[netip.Addr]bool {
	vips := map[netip.Addr]bool{}
	for _, c := range chains {
		for _, s := range c.steps {
			for vip := range s.marks {
				vips[vip] = true
			}
			for vip := range s.chains {
				vips[vip] = true
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
		if mark, ok := s.marks[vip]; ok {
			rules = append(rules, markRule{s.ports, mark, s.accepts})
		}
		if there, ok := s.chains[vip]; ok {
			return rulesFor(vip, there, rules)
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
