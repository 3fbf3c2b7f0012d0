package firewall

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A Finding is a rule that lvsmark did not make and that affects packets of a cluster: it
// sets their mark, keeps them from IPVS or from the other end of the connection, or keeps
// active data from its translation.
type Finding struct {
	Family       nft.Family // of the table: IPv4, IPv6, Inet or Netdev
	Table, Chain string
	Handle       uint64 // of the rule; 0: the policy of the chain
	Effect       Effect
	Conditions   []string // unknown in advance, for example the device; empty: the effect is certain
	SamePriority bool     // the chain has the priority of lvsmark's chain: either may run first
	Marked       bool     // the packets have their mark when they reach the rule
	Tracking     Tracking

	rule    ruleText // nil: the policy of the chain
	table   *table   // of the rule
	packets []affected
	order   findingOrder
}

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
	SetsType  Effect = "set the packet type of"
	Unknown   Effect = "do something unknown to"

	TranslatesSource Effect = "change the source of"
	Untracks         Effect = "exclude from connection tracking"
	Offloads         Effect = "offload"
	MovesZone        Effect = "move to another zone of connection tracking"
)

// A findingOrder orders findings: by table, then by base chain.
type findingOrder struct {
	table int
	chain string
}

// A joinKey identifies findings that become one.
type joinKey struct {
	family       nft.Family
	table, chain string
	handle       uint64
	effect       Effect
	conditions   string
	may          bool // of any conditions
}

// A findingKey identifies a finding of one flow and family.
type findingKey struct {
	chain  *nft.Chain
	handle uint64
	effect Effect
}

// Findings follows the packets of the spec through tables that lvsmark did not make, and
// returns the rules that set their mark or take them from their way: to IPVS, to the real
// servers and back, and that of active data. The tables need no rules and sets: the source
// supplies them. If Findings fails, it returns the findings so far with the error, which is
// ErrTooMuch if the rules are too many.
func Findings(spec *config.Spec, tables []*nft.Table, source Source, tracking Tracking) ([]*Finding, error) {
	return findings(spec, tables, source, tracking, stepLimit)
}

func findings(spec *config.Spec, tables []*nft.Table, source Source, tracking Tracking, limit int) ([]*Finding, error) {
	list := newTables(tables)
	spaces, parts := spacesOf(spec, list, tracking)
	return newReader(source, spaces...).findings(list, parts, limit)
}

// spacesOf returns the spaces whose packets pass the tables, and their parts.
func spacesOf(spec *config.Spec, list []*table, tracking Tracking) (spaces []*space, parts [][]part) {
	for _, family := range nft.Families() {
		for f := range flows {
			probe := &space{family: family, flow: f}
			if len(probe.hookPoints(list)) == 0 {
				continue // without a partition of the addresses, which takes its time
			}
			if s, all := partsOf(f, spec, family, tracking); len(all) > 0 {
				spaces, parts = append(spaces, s), append(parts, all)
			}
			if !f.isOfHost() {
				continue
			}
			possible := tracking
			possible.Masquerade = tracking.MasqueradePossible
			if s, all := partsOf(f, spec, family, possible); len(all) > 0 {
				s.conditions = []string{clientPlaces}
				spaces, parts = append(spaces, s), append(parts, all)
			}
		}
	}
	return spaces, parts
}

// clientPlaces is the condition of packets to or from clients of which nothing says that there
// are any.
const clientPlaces = "where clients are"

// findings follows the parts of each space through the tables.
func (r *reader) findings(list []*table, parts [][]part, limit int) (found []*Finding, err error) {
	known := map[joinKey]*Finding{}
	for i := range parts {
		w := newWalk(r, i, limit)
		w.baseChains(list, parts[i])
		for _, f := range w.order {
			found = addFinding(found, known, f)
		}
		if w.spent() {
			err = cmp.Or(w.err, ErrTooMuch)
			break
		}
	}
	err = cmp.Or(err, r.describe(found))
	slices.SortStableFunc(found, func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.order.table, b.order.table), cmp.Compare(a.order.chain, b.order.chain))
	})
	return found, err
}

func newTables(tables []*nft.Table) []*table {
	list := make([]*table, len(tables))
	for i, t := range tables {
		list[i] = newTable(t)
		list[i].number = i
	}
	return list
}

// baseChains follows the packets through all base chains that they pass.
func (w *walk) baseChains(tables []*table, all []part) {
	w.tables = tables
	for points := w.space.hookPoints(tables); len(points) > 0; {
		chains := points[:equalOrders(points)]
		points = points[len(chains):]
		w.followRemarked(chains, w.together(chains, all))
		w.previous = chains[len(chains)-1]
	}
}

// addFinding adds a finding. If the same rule was found for another flow or family, both
// become one finding.
func addFinding(found []*Finding, known map[joinKey]*Finding, f *Finding) []*Finding {
	exactly := joinKey{f.Family, f.Table, f.Chain, f.Handle, f.Effect, strings.Join(f.Conditions, "\x00"), false}
	uncertain := exactly
	uncertain.conditions, uncertain.may = "", true
	if first := known[exactly]; first != nil {
		first.packets = append(first.packets, f.packets...)
		return found
	}
	// One warning is enough for a rule with other conditions for each flow.
	if first := known[uncertain]; first != nil && f.canJoin() {
		first.packets = append(first.packets, f.packets...)
		first.Conditions = joinConditions(first.Conditions, f.Conditions)
		return found
	}
	known[exactly] = f
	if f.canJoin() {
		known[uncertain] = f
	}
	return append(found, f)
}

// canJoin reports whether the conditions may be joined with those of another flow.
func (f *Finding) canJoin() bool {
	return len(f.Conditions) > 0 && f.packets[0].space.flow != toVIP
}

// report records what a rule does, or the policy of the chain if there is no rule. If
// the same effect depends on several sets of conditions, the smallest set is kept.
func (w *walk) report(at place, b branch, effect Effect) {
	if w.quiet || b.clusters == nil || !w.space.flow.isReported(b.conditions) {
		return
	}
	w.reports = append(w.reports, report{b, effect})
	key := findingKey{chain: at.chain.Chain, effect: effect}
	if at.rule != nil {
		key.handle = at.rule.handle
	}
	conditions := w.allConditions(b)
	if b.usesMark && w.isRemarked(b.part) {
		conditions = joinConditions(conditions, []string{metaMark})
	}
	if effect == SetsMark {
		w.reported = mergedParts(append(w.reported, forgetLost([]part{b.part})...))
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
		SamePriority: w.hookPoint.position == samePriority || w.space.flow == active && w.hookPoint.isActive(),
		Marked:       w.hookPoint.position == afterMarks, Tracking: w.space.tracking,
		packets: []affected{{space: w.space}}, order: w.baseOrder(),
	}
	if at.rule != nil {
		f.rule, f.table = at.rule.source, t
	}
	w.findings[key] = f
	w.order = append(w.order, f)
	return f
}

// baseOrder returns the order of findings in the current base chain.
func (w *walk) baseOrder() findingOrder {
	return findingOrder{w.hookPoint.chain.table.number, w.hookPoint.chain.Name}
}

// maxParts bounds the parts that Packets describes.
const maxParts = 16

// Rule is the rule as nft prints it; expressions without a known form are in brackets.
func (f *Finding) Rule() string {
	if f.rule == nil {
		return "policy drop"
	}
	return f.rule.Text(f.Family)
}

// Packets names the affected packets: "packets to 198.51.100.21 and 3 other VIPs (ports
// 21, 80-90)".
func (f *Finding) Packets() string {
	var texts []string
	for _, p := range f.packets {
		if text := p.String(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
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
