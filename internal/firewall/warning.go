package firewall

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/nft"
)

// warningsOfTable bounds the warnings about one table: the first names tell where
// to look.
const warningsOfTable = 5

// Warnings are the texts of findings, for each table the first ones.
func Warnings(found []*Finding) []string {
	var warnings, tables []string
	count := map[string]int{}
	for _, f := range found {
		table := "table " + f.Family.String() + " " + f.Table
		if count[table]++; count[table] == 1 {
			tables = append(tables, table)
		}
		if count[table] <= warningsOfTable {
			warnings = append(warnings, f.String())
		}
	}
	for _, table := range tables {
		if more := count[table] - warningsOfTable; more > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %d more rules like these", table, more))
		}
	}
	return warnings
}

// String is a warning: who does what, and what to do about it.
func (f *Finding) String() string {
	rule := f.Rule()
	if f.Handle != 0 {
		rule = fmt.Sprintf("rule %d (%s)", f.Handle, rule)
	}
	will, depending := "will", ""
	if len(f.Conditions) > 0 {
		will, depending = "may", ", depending on "+strings.Join(f.Conditions, ", ")
	}
	if f.Beside && f.Effect == SetsMark {
		depending += ", unless it comes before lvsmark's chain of the same priority (of two, the one made last comes first)"
	}
	return fmt.Sprintf("table %s %s, chain %s, %s: %s %s packets to %s%s; %s", f.Family, f.Table, f.Chain, rule, will, f.Effect, f.Packets(), depending, f.advice())
}

// advice says what to do about it.
func (f *Finding) advice() string {
	switch {
	case f.Effect == SetsMark:
		return "IPVS compares all 32 bits of the mark: have that rule leave out packets to the VIPs"
	case f.Marked:
		return "have what is marked accepted before it, as by `meta mark " + markList(f.Marks()) + " accept`"
	}
	return "have packets to the VIPs accepted before it"
}

// markList is a list of marks as nft reads it.
func markList(marks []uint32) string {
	const most = 8
	texts := make([]string, 0, most)
	for i, mark := range marks {
		if i == most {
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
