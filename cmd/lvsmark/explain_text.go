package main

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/verify"
)

// explanation describes the way of a packet.
func explanation(p exact.Packet, t exact.Treatment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p)
	several := hasSeveralHooks(t.Steps)
	write := func(sent bool) {
		for _, step := range t.Steps {
			if step.Sent == sent {
				fmt.Fprintf(&b, "  %s%s\n", place(step, several), verify.StepText(step))
			}
		}
	}
	write(false)
	if t.Service == nil {
		fmt.Fprintf(&b, "  %s\n", printable.Line(t.Outcome))
		return b.String()
	}
	fmt.Fprintf(&b, "  %s\n", verify.ServiceText(t.Service))
	fmt.Fprintf(&b, "  %s\n", printable.Line(t.Outcome))
	if t.Group != "" {
		fmt.Fprintf(&b, "  a client keeps its real server for %s, for all its connections with the same %s\n", t.Service.Timeout, printable.Line(t.Group))
	}
	write(true)
	return b.String()
}

// hasSeveralHooks reports whether rules of more than one hook act on the packet: chains
// of two hooks may have equal rules.
func hasSeveralHooks(steps []exact.Step) bool {
	var first oldconfig.Hook
	for _, s := range steps {
		if s.Hook == 0 || s.Policy { // the text of a policy names its hook
			continue
		}
		if first == 0 {
			first = s.Hook
		}
		if s.Hook != first {
			return true
		}
	}
	return false
}

// place returns the hook of a step, for ahead of its text; "" if all steps have one hook.
func place(s exact.Step, several bool) string {
	switch {
	case !several || s.Hook == 0 || s.Policy:
		return ""
	case s.Sent:
		return "to a real server, at " + verify.HookName(s.Hook) + ": "
	}
	return "at " + verify.HookName(s.Hook) + ": "
}
