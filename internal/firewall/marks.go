package firewall

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// Marked are the packets to some addresses that get a mark: to the addresses from First
// to Last, which no rule tells apart, on some ports. Most often it is one VIP.
type Marked struct {
	First, Last netip.Addr
	Ports       []MarkedPorts // in order, adjacent ones with the same mark in one range
}

// MarkedPorts are ports whose packets get a mark.
type MarkedPorts struct {
	config.PortRange
	Mark uint32 // host byte order
}

// A MarkQuestion says of which packets Marks is to tell the mark. The zero value stands
// for all packets of TCP and UDP.
type MarkQuestion struct {
	Addresses []netip.Addr                     // that packets go to; nil: all
	Rules     func(*nft.Table, *nft.Rule) bool // that count; nil: all
}

// Marks tells which mark packets have behind the prerouting hook: that which the tables
// give them, in the order of their addresses. Packets that have none are left out. A
// rule that asks something nobody knows beforehand does not set a mark. The tables must
// have all that is in them, as those of a nft.Snapshot.
func Marks(r *nft.Ruleset, question MarkQuestion) []Marked {
	var marked []Marked
	for _, family := range nft.Families() {
		chains := markChains(r, family)
		if len(chains) == 0 {
			continue
		}
		marked = append(marked, question.ask(question.space(family, chains), chains)...)
	}
	return marked
}

// markChains are the base chains of the prerouting hook, in the order in which packets
// of the family pass them.
func markChains(r *nft.Ruleset, family nft.Family) []*chain {
	var chains []*chain
	for _, t := range r.Tables {
		table := newTable(t)
		if t.IsDormant() || !table.meets(family) {
			continue
		}
		for _, c := range t.Chains {
			if c.Type == "filter" && c.Hook == nft.HookPrerouting && t.Family != nft.Netdev {
				chains = append(chains, table.chains[c.Name])
			}
		}
	}
	slices.SortStableFunc(chains, func(a, b *chain) int { return cmp.Compare(a.Priority, b.Priority) })
	return chains
}

func (q MarkQuestion) counts(t *nft.Table, r *nft.Rule) bool {
	return q.Rules == nil || q.Rules(t, r)
}

func allPorts() []config.PortRange {
	return []config.PortRange{{Protocol: config.TCP, High: 65535}, {Protocol: config.UDP, High: 65535}}
}

// space are the packets of the question in the family.
func (q MarkQuestion) space(family nft.Family, chains []*chain) *space {
	s := newSpace(family, allPorts())
	if q.Addresses == nil {
		var tables []*nft.Table
		for _, c := range chains {
			if !slices.Contains(tables, c.table.Table) {
				tables = append(tables, c.table.Table)
			}
		}
		s.partition(tables, q.counts)
		return s
	}
	s.addresses(slices.DeleteFunc(slices.Clone(q.Addresses), func(a netip.Addr) bool {
		return config.FamilyOf(a) != specFamily(family)
	}))
	return s
}

// ask follows the packets through the chains, from each to the next.
func (q MarkQuestion) ask(s *space, chains []*chain) []Marked {
	if s.count == 0 {
		return nil
	}
	reader := newReader(whole{}, s)
	reader.counts = q.counts
	w := newWalk(reader, 0, math.MaxInt)
	w.keeps = true
	var parts []part
	for _, r := range s.ports {
		parts = append(parts, part{classes: fullBitset(s.count), protocol: r.Protocol, low: r.Low, high: r.High, mark: &marking{}})
	}
	for _, c := range chains {
		parts = w.visit(hookPoint{chain: c}, parts)
	}
	return s.marked(parts)
}

// marked sorts the marks of parts by class.
func (s *space) marked(parts []part) []Marked {
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.low, b.low))
	})
	ends := make([]int, s.count) // of each class's ports, all in one list
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
	marked, begin := make([]Marked, 0, classes), 0
	for class, end := range ends {
		if begin < end {
			marked = append(marked, Marked{s.first(class), s.last(class), joinPorts(list[begin:end:end])})
		}
		begin = end
	}
	return marked
}

// marked yields the classes whose mark is known, and their mark.
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
