package firewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/nft"
)

// maxPerTable bounds the warnings about one table.
const maxPerTable = 5

// Warnings returns the texts of findings: the first of each table, and how many more the
// table has.
func Warnings(found []*Finding) []string {
	var warnings, tables []string
	count := map[string]int{}
	for _, f := range found {
		table := "table " + f.Family.String() + " " + f.Table
		if count[table]++; count[table] == 1 {
			tables = append(tables, table)
		}
		if count[table] <= maxPerTable {
			warnings = append(warnings, f.String())
		}
	}
	for _, table := range tables {
		if more := count[table] - maxPerTable; more > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %d more rules like these", table, more))
		}
	}
	return warnings
}

// String is the warning about a finding: the rule, its effect, and advice.
func (f *Finding) String() string {
	text, advice := f.Split()
	return text + "; " + advice
}

// Split returns the warning without its advice, and the advice.
func (f *Finding) Split() (text, advice string) {
	rule := f.Rule()
	if f.Handle != 0 {
		rule = fmt.Sprintf("rule handle %d (%s)", f.Handle, rule)
	}
	will, depending := "will", ""
	if len(f.Conditions) > 0 {
		will, depending = "may", ", depending on "+strings.Join(f.Conditions, ", ")
	}
	if f.SamePriority && f.Effect == SetsMark {
		depending += ", unless it runs before lvsmark's chain, which has the same priority (the chain created last runs first)"
	}
	return fmt.Sprintf("table %s %s, chain %s, %s: %s %s %s%s", f.Family, f.Table, f.Chain, rule, will, f.Effect, f.Packets(), depending), f.advice()
}

// advice says how to change the ruleset.
func (f *Finding) advice() string {
	switch f.Effect {
	case SetsMark:
		if f.packets[0].space.flow == toServer {
			return "source-nat compares all 32 bits of the mark: exclude packets to the real servers from that rule"
		}
		return "IPVS compares all 32 bits of the mark: exclude packets to the VIPs from that rule"
	case SetsType:
		return "IPVS takes, and the kernel forwards, packets to the host only: exclude these packets from that rule"
	case TranslatesSource:
		if flow := f.packets[0].space.flow; flow == active || flow == toServer {
			return "give its chain the priority srcnat, so that lvsmark's chain is first, or exclude the real servers from that rule"
		}
		return "exclude the real servers from that rule"
	case Untracks:
		return "exclude " + f.untracked() + " from that rule: the kernel does not translate packets without connection tracking"
	case MovesZone:
		return "give packets from clients and from real servers the same zone: the kernel translates answers only in the zone of the connection"
	case Offloads:
		return "exclude the real servers from that rule" + f.orWithoutTracking() + ": IPVS cannot translate packets that a flowtable forwards"
	}
	return f.acceptance()
}

// untracked names the packets that need connection tracking.
func (f *Finding) untracked() string {
	clients := func(p affected) bool { return p.space.flow == toVIP && len(p.space.translations) > 0 }
	switch {
	case !slices.ContainsFunc(f.packets, clients):
		return "active data"
	case slices.ContainsFunc(f.packets, func(p affected) bool { return !clients(p) }):
		return "packets to the VIPs and active data"
	}
	return "packets to the VIPs"
}

// orWithoutTracking is the remedy that source-nat excludes.
func (f *Finding) orWithoutTracking() string {
	if f.Tracking.Needed {
		return ""
	}
	return ", or set net.ipv4.vs.conntrack to 0"
}

// acceptance says how to let the packets pass.
func (f *Finding) acceptance() string {
	var examples []string
	add := func(example string) {
		if !slices.Contains(examples, example) {
			examples = append(examples, example)
		}
	}
	which, note := "marked packets", ""
	for _, p := range f.packets {
		switch flow := p.space.flow; {
		case f.Marked && p.hasUnmarked():
			which, note = "them", " (with marks: first-packet, later packets have no mark)"
			add(fmt.Sprintf("%s daddr %s", p.space.family, p.first()))
		case flow == toVIP && !f.Marked:
			which = "packets to the VIPs"
		case flow == toVIP, flow == toServer:
			add("meta mark " + markList(f.Marks()))
		default:
			which = "them"
			example := fmt.Sprintf("%s %s %s", p.space.family, flow.end(), p.first())
			if flow.isOfHost() { // which has other packets too
				example += fmt.Sprintf(" tcp %cport %d", flow.end()[0], p.parts[0].low)
			}
			add(example)
			if !f.Tracking.IPVS && !flow.isActive() {
				note = " (while net.ipv4.vs.conntrack is 0, `ct state established` does not match packets of IPVS)"
			}
		}
	}
	text := "accept " + which + " before it"
	if len(examples) > 0 {
		text += ", for example with `" + strings.Join(examples, " accept`, `") + " accept`"
	}
	return text + note
}

// markList returns marks in the syntax of nft.
func markList(marks []uint32) string {
	const maxListed = 8
	texts := make([]string, 0, maxListed)
	for i, mark := range marks {
		if i == maxListed {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, nft.MarkText(mark))
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}
