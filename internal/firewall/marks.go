package firewall

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// MarkedAddresses are addresses, from First to Last, that all rules treat equally, and the
// marks of packets to them by port. Usually it is one VIP.
type MarkedAddresses struct {
	First, Last netip.Addr
	Ports       []MarkedPorts // sorted; adjacent ports with the same mark are one range
}

// MarkedPorts are ports whose packets get a mark.
type MarkedPorts struct {
	config.PortRange
	Mark uint32 // host byte order
}

// A MarkQuery selects the packets and rules of Marks. The zero value selects all packets
// of TCP, UDP and SCTP, and all rules.
type MarkQuery struct {
	Addresses []netip.Addr                     // destinations; nil: all
	Rules     func(*nft.Table, *nft.Rule) bool // whether to evaluate the rule; nil: all
}

// Marks returns the marks that the tables give to packets in the prerouting hook, in the
// order of addresses. Packets without a mark are left out. A rule that depends on a
// condition unknown in advance sets no mark. The tables must be complete, as in an
// nft.Snapshot.
func Marks(r *nft.Ruleset, question MarkQuery) []MarkedAddresses {
	var marked []MarkedAddresses
	for _, family := range nft.Families() {
		chains := markChains(r, family)
		if len(chains) == 0 {
			continue
		}
		marked = append(marked, question.marks(question.space(family, chains), chains)...)
	}
	return marked
}

// markChains returns the base chains of the prerouting hook, in the order in which
// packets of the family pass them.
func markChains(r *nft.Ruleset, family nft.Family) []*chain {
	var chains []*chain
	for _, t := range r.Tables {
		table := newTable(t)
		if t.IsDormant() || !table.meets(family) {
			continue
		}
		for _, c := range slices.Backward(t.Chains) { // at the same priority, the last one runs first
			if c.Type == "filter" && c.Hook == nft.HookPrerouting && t.Family != nft.Netdev {
				chains = append(chains, table.chains[c.Name])
			}
		}
	}
	slices.SortStableFunc(chains, func(a, b *chain) int { return cmp.Compare(a.Priority, b.Priority) })
	return chains
}

func (q MarkQuery) includes(t *nft.Table, r *nft.Rule) bool {
	return q.Rules == nil || q.Rules(t, r)
}

func allPorts() []config.PortRange {
	var all []config.PortRange
	for _, p := range config.PortProtocols() {
		all = append(all, config.PortRange{Protocol: p, High: 65535})
	}
	return all
}

// space returns the space of the query's packets in the family.
func (q MarkQuery) space(family nft.Family, chains []*chain) *space {
	s := newSpace(family, allPorts())
	if q.Addresses == nil {
		var tables []*nft.Table
		for _, c := range chains {
			if !slices.Contains(tables, c.table.Table) {
				tables = append(tables, c.table.Table)
			}
		}
		s.partition(tables, q.includes)
		return s
	}
	s.setAddresses(slices.DeleteFunc(slices.Clone(q.Addresses), func(a netip.Addr) bool {
		return config.FamilyOf(a) != specFamily(family)
	}))
	return s
}

// marks follows the packets through the chains, from each to the next.
func (q MarkQuery) marks(s *space, chains []*chain) []MarkedAddresses {
	if s.count == 0 {
		return nil
	}
	reader := newReader(inMemory{}, s)
	reader.includes = q.includes
	w := newWalk(reader, 0, math.MaxInt)
	var parts []part
	for _, r := range s.ports {
		parts = append(parts, part{classes: fullBitset(s.count), protocol: r.Protocol, low: r.Low, high: r.High, mark: &marking{}})
	}
	for _, c := range chains {
		parts = w.baseChain(hookPoint{chain: c}, parts)
	}
	return s.marked(parts)
}

// marked returns the marks of parts, grouped by class.
func (s *space) marked(parts []part) []MarkedAddresses {
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.low, b.low))
	})
	ends := make([]int, s.count) // by class: the end of its ports in list
	for _, p := range parts {
		for class := range p.marked {
			ends[class]++
		}
	}
	classes, total := 0, 0
	for class, n := range ends {
		classes += min(n, 1)
		total += n
		ends[class] = total - n
	}
	list := make([]MarkedPorts, total)
	for _, p := range parts {
		for class, mark := range p.marked {
			list[ends[class]] = MarkedPorts{config.PortRange{Protocol: p.protocol, Low: p.low, High: p.high}, mark}
			ends[class]++
		}
	}
	marked, begin := make([]MarkedAddresses, 0, classes), 0
	for class, end := range ends {
		if begin < end {
			marked = append(marked, MarkedAddresses{s.first(class), s.last(class), joinPorts(list[begin:end:end])})
		}
		begin = end
	}
	return marked
}

// marked yields the classes with a known mark, and the mark.
func (p part) marked(yield func(class int, mark uint32) bool) {
	if p.mark.unknown || p.mark.byClass == nil && p.mark.all == 0 {
		return
	}
	for class := range p.classes.each {
		if mark := p.mark.of(class); mark != 0 && !yield(class, mark) {
			return
		}
	}
}

// joinPorts joins adjacent ports with the same mark.
func joinPorts(list []MarkedPorts) []MarkedPorts {
	joined := list[:1]
	for _, next := range list[1:] {
		last := &joined[len(joined)-1]
		if last.Mark == next.Mark && last.Protocol == next.Protocol && int(last.High)+1 == int(next.Low) {
			last.High = next.High
			continue
		}
		joined = append(joined, next)
	}
	return joined
}
