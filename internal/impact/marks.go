package impact

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// vipMarks are the marks that a ruleset gives to packets: for each VIP its ports in
// order, adjacent ports of the same mark in one range. Two rulesets with the same
// vipMarks do the same to packets, whatever their maps and chains. Rules that lvsmark
// does not make are left out; see ruleKind.
type vipMarks map[netip.Addr][]markedPorts

// markedPorts are ports of a VIP whose packets get a mark.
type markedPorts struct {
	config.PortRange
	mark uint32 // host byte order
}

func marksOf(r *nft.Ruleset) vipMarks {
	marks := vipMarks{}
	for _, family := range nft.Families() {
		chains := readMarkChains(r, family)
		for vip := range chains.vips() {
			if ports := chains.marks(vip); len(ports) > 0 {
				marks[vip] = ports
			}
		}
	}
	return marks
}

// markChains are the base chains that mark packets of a family, in the order in
// which a packet passes them.
type markChains []markChain

type markChain struct {
	priority int32
	steps    []markStep
}

// A markStep is a rule that lvsmark makes.
type markStep struct {
	ports   []config.PortRange    // the same ports of one protocol or of several
	within  netip.Prefix          // the network that the VIP must be in; invalid: any
	vips    nft.VIPMap            // to marks; to chains where chains is set
	accepts bool                  // a packet that got its mark leaves the chain
	chains  map[string][]markStep // that the rule sends packets to; nil: it marks them
}

func readMarkChains(r *nft.Ruleset, family nft.Family) markChains {
	var chains markChains
	for _, t := range r.Tables {
		if t.Family != family || t.IsDormant() {
			continue
		}
		for _, c := range t.MarkChains() {
			chains = append(chains, markChain{c.Priority, readMarkSteps(t, c)})
		}
	}
	slices.SortStableFunc(chains, func(a, b markChain) int { return cmp.Compare(a.priority, b.priority) })
	return chains
}

func readMarkSteps(t *nft.Table, c *nft.Chain) []markStep {
	var steps []markStep
	protocols := []config.Protocol{config.TCP, config.UDP} // of packets that reach the rule
	for _, r := range c.Rules {
		if only, ok := t.ProtocolRule(r); ok {
			protocols = slices.DeleteFunc(protocols, func(p config.Protocol) bool { return p != only })
		} else if to, ok := t.GotoRule(r); ok {
			vips, _ := to.VIPs.VIPMap()
			steps = append(steps, markStep{within: to.Within, vips: vips, chains: stepsByChain(t, protocols)})
		} else if step, ok := readMarkStep(t, r, protocols); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

func readMarkStep(t *nft.Table, r *nft.Rule, protocols []config.Protocol) (markStep, bool) {
	rule, ok := t.MarkRule(r)
	if !ok {
		return markStep{}, false
	}
	ports := slices.DeleteFunc(rule.Ports, func(ports config.PortRange) bool { return !slices.Contains(protocols, ports.Protocol) })
	vips, _ := rule.VIPs.VIPMap()
	return markStep{ports: ports, within: rule.Within, vips: vips, accepts: rule.Accepts}, true
}

// stepsByChain are the rules of the chains that a verdict map may lead to. Packets do
// not come back from there, and are not sent on by VIP.
func stepsByChain(t *nft.Table, protocols []config.Protocol) map[string][]markStep {
	byName := map[string][]markStep{}
	for _, c := range t.Chains {
		if c.Type == "" {
			for _, r := range c.Rules {
				if step, ok := readMarkStep(t, r, protocols); ok {
					byName[c.Name] = append(byName[c.Name], step)
				}
			}
		}
	}
	return byName
}

// vips are the VIPs that a rule of the base chains names.
func (chains markChains) vips() map[netip.Addr]bool {
	vips := map[netip.Addr]bool{}
	for _, c := range chains {
		for _, step := range c.steps {
			for entry := range step.vips.All() {
				vips[entry.VIP] = true
			}
		}
	}
	return vips
}

// A markRule is a markStep for one VIP and one range of ports.
type markRule struct {
	ports   config.PortRange
	mark    uint32
	accepts bool
}

// marks evaluates the rules that a packet to the VIP meets. It tries the first port
// of each range within which no rule begins or ends.
func (chains markChains) marks(vip netip.Addr) []markedPorts {
	rules := make([][]markRule, len(chains))
	starts := map[config.Protocol][]int{}
	for i, c := range chains {
		rules[i] = rulesFor(vip, c.steps, nil)
		for _, r := range rules[i] {
			starts[r.ports.Protocol] = append(starts[r.ports.Protocol], int(r.ports.Low), int(r.ports.High)+1)
		}
	}
	var marked []markedPorts
	for _, protocol := range []config.Protocol{config.TCP, config.UDP} {
		bounds := starts[protocol]
		slices.Sort(bounds)
		bounds = slices.Compact(bounds)
		for i := range len(bounds) - 1 {
			ports := config.PortRange{Protocol: protocol, Low: uint16(bounds[i]), High: uint16(bounds[i+1] - 1)}
			if mark := markAt(ports, rules); mark != 0 {
				marked = appendPorts(marked, markedPorts{ports, mark})
			}
		}
	}
	return marked
}

func rulesFor(vip netip.Addr, steps []markStep, rules []markRule) []markRule {
	for _, s := range steps {
		entry, ok := s.vips.Find(vip)
		switch {
		case !ok, s.within.IsValid() && !s.within.Contains(vip):
		case s.chains != nil:
			return rulesFor(vip, s.chains[entry.Chain], rules)
		default:
			for _, ports := range s.ports {
				rules = append(rules, markRule{ports, entry.Mark, s.accepts})
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

func appendPorts(list []markedPorts, next markedPorts) []markedPorts {
	if n := len(list); n > 0 {
		last := &list[n-1]
		if last.mark == next.mark && last.Protocol == next.Protocol && int(last.High)+1 == int(next.Low) {
			last.High = next.High
			return list
		}
	}
	return append(list, next)
}
