package nft

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// An Effect is what a rule of somebody else's does to packets of a cluster.
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

// A Finding is a rule of somebody else's that packets of a cluster meet on
// their way to IPVS, and that sets their mark or takes them.
type Finding struct {
	Family       Family // of the table: that of IPv4, IPv6, both or a device
	Table, Chain string
	Handle       uint64 // of the rule; 0: the policy of the chain
	Rule         string // as nft writes it, as far as the package can
	Effect       Effect
	Conditions   []string // that nobody can know beforehand; empty: it will happen
	Packets      string   // which are concerned
	Marks        []uint32 // of the clusters that are concerned, in order
	Beside       bool     // the chain has the priority of lvsmark's: either may come first
	Marked       bool     // the packets carry their mark by then

	parts []part
}

// A finding has what makes two Findings the same.
type finding struct {
	chain  *foreignChain
	handle uint64
	effect Effect
}

// ErrTooMuch says that the rules of others are too many to be followed.
var ErrTooMuch = errors.New("too many rules and elements to follow all of them")

// Findings follows the packets of the spec through the tables of others, as far
// as they are known beforehand, up to where IPVS takes them, and returns the
// rules that set their mark or take them. An error may come with the Findings
// found so far.
func (c *Conn) Findings(spec *config.Spec) ([]*Finding, error) {
	const tries = 10 // to read large tables anew takes its time, and a warning can wait
	for range tries {
		found, err := c.findings(spec)
		if errors.Is(err, errInterrupted) {
			continue
		}
		return found, err
	}
	return nil, fmt.Errorf("%w, %d times over", errInterrupted, tries)
}

func (c *Conn) findings(spec *config.Spec) ([]*Finding, error) {
	before, err := c.Generation()
	if err != nil {
		return nil, err
	}
	tables, err := c.readForeign()
	if err != nil {
		return nil, err
	}
	found, walked := c.walkAll(spec, tables, stepLimit)
	after, err := c.Generation()
	if err != nil {
		return nil, err
	}
	if after != before {
		return nil, errInterrupted
	}
	return found, walked
}

// walkAll follows the packets of each family through the tables, in so many
// steps at the most.
func (c *Conn) walkAll(spec *config.Spec, tables []*foreignTable, limit int) ([]*Finding, error) {
	var found []*Finding
	for _, family := range Families() {
		met := slices.DeleteFunc(slices.Clone(tables), func(t *foreignTable) bool { return !t.meets(family) })
		if len(met) == 0 {
			continue // many VIPs take their time
		}
		packets, all := packetsOf(spec, family)
		w := newWalk(c, packets, limit)
		for _, t := range met {
			if len(all) == 0 {
				break
			}
			for _, at := range t.hookPoints() {
				w.visit(at, all)
			}
		}
		for _, n := range w.order {
			n.Packets, n.Marks = packets.describe(n.parts)
			found = joined(found, n)
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

// joined adds what was found for another family, in one with what the same rule
// does to the first.
func joined(found []*Finding, n *Finding) []*Finding {
	for _, known := range found {
		if known.Family == n.Family && known.Table == n.Table && known.Chain == n.Chain && known.Handle == n.Handle &&
			known.Effect == n.Effect && slices.Equal(known.Conditions, n.Conditions) {
			known.Packets += "; " + n.Packets
			known.Marks = slices.Compact(slices.Sorted(slices.Values(append(known.Marks, n.Marks...))))
			return found
		}
	}
	return append(found, n)
}

// meets reports whether packets of the family pass through the table.
func (t *foreignTable) meets(family Family) bool {
	switch t.family {
	case IPv4, IPv6:
		return t.family == family
	}
	return true
}

// report keeps what a rule, or for none the policy of the chain, does. That it
// surely does so counts more than that it may.
func (w *walk) report(c *foreignChain, r *Rule, b branch, effect Effect) {
	key := finding{chain: c, effect: effect}
	if r != nil {
		key.handle = r.Handle
	}
	conditions := slices.Sorted(slices.Values(b.unsure))
	known := w.findings[key]
	switch {
	case known == nil:
		known = &Finding{
			Family: c.table.family, Table: c.table.name, Chain: c.Name, Handle: key.handle, Rule: "policy drop", Effect: effect,
			Beside: w.hookPoint.side == besideMarks, Marked: w.hookPoint.side == behindMarks,
		}
		if r != nil {
			known.Rule = r.Text(w.packets.family)
		}
		w.findings[key] = known
		w.order = append(w.order, known)
	case len(conditions) < len(known.Conditions):
		known.parts = nil
	case !slices.Equal(conditions, known.Conditions) || len(known.parts) == describedParts:
		return
	}
	known.Conditions = conditions
	known.parts = append(known.parts, b.part)
}

// describedParts bounds what describe has to look at.
const describedParts = 16

// describe names packets, as "198.51.100.21 and 3 other VIPs (ports 21, 80-90)",
// and their marks.
func (p *packets) describe(parts []part) (text string, marks []uint32) {
	vips := newBitset(len(p.vips))
	var ports []config.PortRange
	for _, of := range parts {
		vips = vips.or(of.vips)
		if r := (config.PortRange{Protocol: of.protocol, Low: of.low, High: of.high}); !slices.Contains(ports, r) {
			ports = append(ports, r)
		}
		seen := map[uint32]bool{}
		for i := range of.vips.each {
			seen[of.marks[i]] = true
		}
		marks = slices.AppendSeq(marks, maps.Keys(seen))
	}
	slices.Sort(marks)
	slices.SortFunc(ports, func(a, b config.PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	for i := range vips.each {
		vip, _ := netip.AddrFromSlice(p.vips[i])
		text = vip.String()
		break
	}
	switch others := vips.count() - 1; {
	case others == 1:
		text += " and another VIP"
	case others > 1:
		text += fmt.Sprintf(" and %d other VIPs", others)
	}
	list := strings.Trim(fmt.Sprint(ports), "[]")
	return fmt.Sprintf("%s (ports %s)", text, strings.ReplaceAll(list, " ", ", ")), slices.Compact(marks)
}
