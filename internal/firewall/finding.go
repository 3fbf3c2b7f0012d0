package firewall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// An Effect is what a rule that lvsmark did not make does to packets of a cluster.
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

// A Finding is a rule that lvsmark did not make and that affects packets of a cluster
// on their way to IPVS: it sets their mark, or keeps them from IPVS.
type Finding struct {
	Family       nft.Family // of the table: IPv4, IPv6, Inet or Netdev
	Table, Chain string
	Handle       uint64 // of the rule; 0: the policy of the chain
	Effect       Effect
	Conditions   []string // unknown in advance, for example the device; empty: the effect is certain
	SamePriority bool     // the chain has the priority of lvsmark's chain: either may run first
	Marked       bool     // the packets have their mark when they reach the rule

	rule    ruleText // nil: the policy of the chain
	packets []affected
}

// affected are the packets of one address family that a finding affects.
type affected struct {
	space *space
	parts []part
}

// A findingKey identifies a finding.
type findingKey struct {
	chain  *nft.Chain
	handle uint64
	effect Effect
}

// Findings follows the packets of the spec through tables that lvsmark did not make, up
// to IPVS, and returns the rules that set their mark or keep them from IPVS. The tables
// need no rules and sets: the source supplies them. If Findings fails, it returns the
// findings so far with the error, which is ErrTooMuch if the rules are too many.
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
		w.baseChains(list, parts[i])
		for _, f := range w.order {
			found = addFinding(found, known, f)
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

// baseChains follows the packets through all base chains on their way to IPVS.
func (w *walk) baseChains(tables []*table, all []part) {
	for _, t := range tables {
		if !t.meets(w.space.family) {
			continue
		}
		for _, at := range t.hookPoints() {
			w.baseChain(at, at.position.withMarks(all))
		}
	}
}

// addFinding adds a finding. If the same rule was found for another family, both become
// one finding.
func addFinding(found []*Finding, known map[string]*Finding, f *Finding) []*Finding {
	key := fmt.Sprint(f.Family, f.Table, "\x00", f.Chain, "\x00", f.Handle, f.Effect, f.Conditions)
	if first := known[key]; first != nil {
		first.packets = append(first.packets, f.packets...)
		return found
	}
	known[key] = f
	return append(found, f)
}

// report records what a rule does, or the policy of the chain if there is no rule. If
// the same effect depends on several sets of conditions, the smallest set is kept.
func (w *walk) report(at place, b branch, effect Effect) {
	if b.clusters == nil {
		return // Marks needs no findings
	}
	key := findingKey{chain: at.chain.Chain, effect: effect}
	if at.rule != nil {
		key.handle = at.rule.handle
	}
	conditions := b.conditions
	if len(conditions) > 1 {
		conditions = slices.Sorted(slices.Values(conditions))
	}
	known := w.findings[key]
	switch {
	case known == nil:
		known = w.newFinding(at, key)
	case len(conditions) < len(known.Conditions):
		known.packets[0].parts = nil
	case !slices.Equal(conditions, known.Conditions) || len(known.packets[0].parts) == maxParts:
		return
	}
	known.Conditions = conditions
	known.packets[0].parts = append(known.packets[0].parts, b.part)
}

func (w *walk) newFinding(at place, key findingKey) *Finding {
	t := at.chain.table
	f := &Finding{
		Family: t.Family, Table: t.Name, Chain: at.chain.Name, Handle: key.handle, Effect: key.effect,
		SamePriority: w.hookPoint.position == samePriority, Marked: w.hookPoint.position == afterMarks,
		packets: []affected{{space: w.space}},
	}
	if at.rule != nil {
		f.rule = at.rule.source
	}
	w.findings[key] = f
	w.order = append(w.order, f)
	return f
}

// maxParts bounds the parts that Packets describes.
const maxParts = 16

// Rule is the rule as nft prints it; expressions without a known form are in brackets.
func (f *Finding) Rule() string {
	if f.rule == nil {
		return "policy drop"
	}
	return f.rule.Text(f.packets[0].space.family)
}

// Packets names the affected packets: "198.51.100.21 and 3 other VIPs (ports
// 21, 80-90)".
func (f *Finding) Packets() string {
	texts := make([]string, len(f.packets))
	for i, p := range f.packets {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

// Marks are the marks of the affected clusters, sorted.
func (f *Finding) Marks() []uint32 {
	var marks []uint32
	for _, p := range f.packets {
		for _, part := range p.parts {
			for class := range part.classes.each {
				marks = append(marks, part.clusters.of(class))
			}
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

func (p affected) String() string {
	vips := newBitset(p.space.count)
	var ports []config.PortRange
	for _, part := range p.parts {
		vips = vips.or(part.classes)
		if r := (config.PortRange{Protocol: part.protocol, Low: part.low, High: part.high}); !slices.Contains(ports, r) {
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
