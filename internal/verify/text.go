package verify

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// Text returns the report for people. The first line is the answer.
func (r *Report) Text() string {
	var b strings.Builder
	switch r.Answer() {
	case "equivalent":
		b.WriteString("equivalent: the spec and the old configuration do the same with every packet\n")
	case "different":
		fmt.Fprintf(&b, "different: %s\n", kinds(len(r.Differences), r.Truncated))
	default:
		b.WriteString("not proven: what is not understood may concern packets of a cluster\n")
		if len(r.Differences) > 0 {
			fmt.Fprintf(&b, "different, if the lines that are not understood do nothing: %s\n", kinds(len(r.Differences), r.Truncated))
		}
	}
	for _, d := range r.Differences {
		writeDifference(&b, d)
	}
	for _, u := range r.Unproven {
		fmt.Fprintf(&b, "\nnot proven: %s: %s\n  for example, %s\n", ruleText(u.Rule), printable.Line(printable.Excerpt(u.Reason)), u.Packet)
	}
	writeRemarks(&b, "not understood", r.NotUnderstood)
	writeRemarks(&b, "assumed", r.Assumptions)
	writeTables(&b, "rules that stay when the spec is applied, on both sides", r.Kept)
	writeTables(&b, "rules that the spec replaces", r.Replaced)
	return b.String()
}

func writeRemarks(b *strings.Builder, what string, list []oldconfig.Remark) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", what)
	for _, m := range list {
		fmt.Fprintf(b, "  %s: %s\n", printable.Line(m.Line.String()), printable.Line(m.Message))
	}
}

func kinds(n, more int) string {
	text := fmt.Sprintf("%d kinds of packets", n)
	if n == 1 {
		text = "1 kind of packets"
	}
	if more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

func writeDifference(b *strings.Builder, d exact.Difference) {
	fmt.Fprintf(b, "\n%s\n  packet: %s\n", d.Kind, printable.Line(d.Packet.String()))
	if d.Second != nil {
		fmt.Fprintf(b, "  and:    %s\n", printable.Line(d.Second.String()))
	}
	writeTreatment(b, "old: ", d.Old)
	writeTreatment(b, "spec:", d.New)
}

func writeTreatment(b *strings.Builder, side string, t exact.Treatment) {
	fmt.Fprintf(b, "  %s   %s\n", side, printable.Line(t.Outcome))
	for _, s := range t.Steps {
		fmt.Fprintf(b, "          %s\n", StepText(s))
	}
	if t.Service != nil {
		fmt.Fprintf(b, "          %s\n", ServiceText(t.Service))
	}
}

// StepText returns what a rule does to a packet, with its source.
func StepText(s exact.Step) string {
	if s.Policy {
		return "the policy of a chain of hook " + HookName(s.Hook) + " " + s.Effect + " the packet"
	}
	return ruleText(s.Rule) + " " + printable.Line(s.Effect)
}

// ServiceText names a service and its source.
func ServiceText(s *oldconfig.Service) string {
	key := fmt.Sprintf("fwmark %d", s.Mark)
	if s.Mark == 0 {
		key = fmt.Sprintf("%s %s", s.Protocol, s.Address)
	}
	return printable.Line(fmt.Sprintf("service %s: %s", key, s.Line))
}

func ruleText(r *oldconfig.Rule) string {
	switch {
	case r == nil:
		return "the rules"
	case r.Number > 0:
		return printable.Line(fmt.Sprintf("%s: %s", r.Line, strings.TrimSpace(r.Excerpt())))
	case r.File != "":
		return printable.Line(r.File + ": " + r.Excerpt())
	}
	return printable.Line(r.Excerpt())
}

// HookName returns the name of a hook as in nft(8); "" for 0.
func HookName(h oldconfig.Hook) string {
	return map[oldconfig.Hook]string{
		oldconfig.Ingress: "ingress", oldconfig.Prerouting: "prerouting", oldconfig.Input: "input",
		oldconfig.Forward: "forward", oldconfig.Output: "output", oldconfig.Postrouting: "postrouting",
	}[h]
}

func writeTables(b *strings.Builder, what string, list []Table) {
	if len(list) == 0 {
		return
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = fmt.Sprintf("%s %s (%d)", t.Name, t.Family, t.Rules)
	}
	fmt.Fprintf(b, "\n%s: %s\n", what, printable.Line(strings.Join(names, ", ")))
}
