package nft

import (
	"fmt"
	"strings"
)

// String is a warning: who does what, and what to do about it.
func (n *Finding) String() string {
	rule := n.Rule
	if n.Handle != 0 {
		rule = fmt.Sprintf("rule %d (%s)", n.Handle, n.Rule)
	}
	will, depending := "will", ""
	if len(n.Conditions) > 0 {
		will, depending = "may", ", depending on "+strings.Join(n.Conditions, ", ")
	}
	if n.Beside && n.Effect == SetsMark {
		depending += ", unless it comes before lvsmark's chain of the same priority (of two, the one made last comes first)"
	}
	return fmt.Sprintf("table %s %s, chain %s, %s: %s %s packets to %s%s; %s", n.Family, n.Table, n.Chain, rule, will, n.Effect, n.Packets, depending, n.advice())
}

// advice says what to do about it.
func (n *Finding) advice() string {
	switch {
	case n.Effect == SetsMark:
		return "IPVS compares all 32 bits of the mark: have that rule leave out packets to the VIPs"
	case n.Marked:
		return "have what is marked accepted before it, as by `meta mark " + markList(n.Marks) + " accept`"
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
		texts = append(texts, valueText(typeMark, markBytes(mark)))
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}
