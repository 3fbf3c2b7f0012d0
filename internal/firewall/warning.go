package firewall

import (
	"fmt"
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
	rule := f.Rule()
	if f.Handle != 0 {
		rule = fmt.Sprintf("rule %d (%s)", f.Handle, rule)
	}
	will, depending := "will", ""
	if len(f.Conditions) > 0 {
		will, depending = "may", ", depending on "+strings.Join(f.Conditions, ", ")
	}
	if f.SamePriority && f.Effect == SetsMark {
		depending += ", unless it runs before lvsmark's chain, which has the same priority (the chain created last runs first)"
	}
	return fmt.Sprintf("table %s %s, chain %s, %s: %s %s packets to %s%s; %s", f.Family, f.Table, f.Chain, rule, will, f.Effect, f.Packets(), depending, f.advice())
}

// advice says how to change the ruleset.
func (f *Finding) advice() string {
	switch {
	case f.Effect == SetsMark:
		return "IPVS compares all 32 bits of the mark: exclude packets to the VIPs from that rule"
	case f.Marked:
		return "accept marked packets before it, for example with `meta mark " + markList(f.Marks()) + " accept`"
	}
	return "accept packets to the VIPs before it"
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
