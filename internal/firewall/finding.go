package firewall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// An Effect is what a rule of another program does to packets of a cluster.
type Effect string

// The effects that keep packets from IPVS or from their mark.
const (
	SetsMark  Effect = "set the mark of"
	Drops     Effect = "drop"
	Rejects   Effect = "reject"
	Redirects Effect = "change the destination of"
	Queues    Effect = "queue"
	Forwards  Effect = "divert"
	Proxies   Effect = "proxy"
	Unknown   Effect = "do something unknown to"
)

// A Finding is a rule of another program that packets of a cluster meet on their way
// to IPVS, and that sets their mark or takes them.
type Finding struct {
	Family       nft.Family // of the table: that of IPv4, IPv6, both or a device
	Table, Chain string
	Handle       uint64 // of the rule; 0: the policy of the chain
	Effect       Effect
	Conditions   []string // that nobody can know beforehand; empty: it will happen
	Beside       bool     // the chain has the priority of lvsmark's: either may come first
	Marked       bool     // the packets carry their mark by then

	rule    textual // nil: the policy
	packets []concerned
}

// concerned are packets of one family that a finding is about.
type concerned struct {
	space *space
	parts []part
}

// A findingKey has what makes two findings the same.
type findingKey struct {
	chain  *nft.Chain
	handle uint64
	effect Effect
}

// Findings follows the packets of the spec through the tables of others, as far as they
// are known beforehand, up to where IPVS takes them, and returns the rules that set
// their mark or take them. Tables need neither rules nor sets, for which the source is
// asked. An error may come with the Findings found so far; it wraps ErrTooMuch where
// there are too many rules.
func Findings(spec *config.Spec, tables []*nft.Table, source Source) ([]*Finding, error) {
	return findings(spec, tables, source, stepLimit)
}

func findings(spec *config.Spec, tables []*nft.Table, source Source, limit int) ([]*Finding, error) {
	if len(tables) == 0 {
		return nil, nil // without a partition of the addresses, which takes its time
	}
	var list []*table
	for _, t := range tables {
		list = append(list, newTable(t))
	}
	var spaces []*space
	var parts [][]part
	for _, family := range nft.Families() {
		s, all := partsOf(spec, family)
		if len(all) > 0 {
			spaces, parts = append(spaces, s), append(parts, all)
		}
	}
	r := newReader(source, spaces...)
	var found []*Finding
	known := map[string]*Finding{}
	for i := range spaces {
		w := newWalk(r, i, limit)
		w.visitAll(list, parts[i])
		for _, f := range w.order {
			found = joined(found, known, f)
		}
		switch {
		case w.err != nil:
			return found, w.err
		case w.spent():
			return found, ErrTooMuch
		}
	}
	return found, nil
}

// visitAll follows the packets through all base chains on the way.
func (w *walk) visitAll(tables []*table, all []part) {
	for _, t := range tables {
		if !t.meets(w.space.family) {
			continue
		}
		for _, at := range t.hookPoints() {
			w.visit(at, at.side.at(all))
		}
	}
}

// joined adds what was found for another family, in one with what the same rule
// does to the first.
func joined(found []*Finding, known map[string]*Finding, f *Finding) []*Finding {
	key := fmt.Sprint(f.Family, f.Table, "\x00", f.Chain, "\x00", f.Handle, f.Effect, f.Conditions)
	if first := known[key]; first != nil {
		first.packets = append(first.packets, f.packets...)
		return found
	}
	known[key] = f
	return append(found, f)
}

// report keeps what a rule, or for none the policy of the chain, does. That it
// surely does so counts more than that it may.
func (w *walk) report(at place, b branch, effect Effect) {
	if b.clusters == nil {
		return // the question is another one
	}
	key := findingKey{chain: at.chain.Chain, effect: effect}
	if at.rule != nil {
		key.handle = at.rule.handle
	}
	conditions := b.unsure
	if len(conditions) > 1 {
		conditions = slices.Sorted(slices.Values(conditions))
	}
	known := w.findings[key]
	switch {
	case known == nil:
		known = w.newFinding(at, key)
	case len(conditions) < len(known.Conditions):
		known.packets[0].parts = nil
	case !slices.Equal(conditions, known.Conditions) || len(known.packets[0].parts) == describedParts:
		return
	}
	known.Conditions = conditions
	known.packets[0].parts = append(known.packets[0].parts, b.part)
}

func (w *walk) newFinding(at place, key findingKey) *Finding {
	t := at.chain.table
	f := &Finding{
		Family: t.Family, Table: t.Name, Chain: at.chain.Name, Handle: key.handle, Effect: key.effect,
		Beside: w.hookPoint.side == besideMarks, Marked: w.hookPoint.side == behindMarks,
		packets: []concerned{{space: w.space}},
	}
	if at.rule != nil {
		f.rule = at.rule.source
	}
	w.findings[key] = f
	w.order = append(w.order, f)
	return f
}

// describedParts bounds what Packets has to look at.
const describedParts = 16

// Rule is the rule as nft writes it, as far as it is known how.
func (f *Finding) Rule() string {
	if f.rule == nil {
		return "policy drop"
	}
	return f.rule.Text(f.packets[0].space.family)
}

// Packets names the packets that are concerned: "198.51.100.21 and 3 other VIPs (ports
// 21, 80-90)".
func (f *Finding) Packets() string {
	texts := make([]string, len(f.packets))
	for i, p := range f.packets {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

// Marks are those of the clusters that are concerned, in order.
func (f *Finding) Marks() []uint32 {
	var marks []uint32
	for _, p := range f.packets {
		for _, of := range p.parts {
			for class := range of.classes.each {
				marks = append(marks, of.clusters.of(class))
			}
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

func (p concerned) String() string {
	vips := newBitset(p.space.count)
	var ports []config.PortRange
	for _, of := range p.parts {
		vips = vips.or(of.classes)
		if r := (config.PortRange{Protocol: of.protocol, Low: of.low, High: of.high}); !slices.Contains(ports, r) {
			ports = append(ports, r)
		}
	}
	slices.SortFunc(ports, func(a, b config.PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	text := ""
	for class := range vips.each {
		text = p.space.first(class).String()
		break
	}
	switch others := vips.count() - 1; {
	case others == 1:
		text += " and another VIP"
	case others > 1:
		text += fmt.Sprintf(" and %d other VIPs", others)
	}
	list := strings.Trim(fmt.Sprint(ports), "[]")
	return fmt.Sprintf("%s (ports %s)", text, strings.ReplaceAll(list, " ", ", "))
}
