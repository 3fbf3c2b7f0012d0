package draft

import (
	"errors"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/verify"
)

// Check parses the draft, and compares it with the configuration that it was made of. It
// sets Valid, and adds a finding for each mistake and each difference. The error is that
// of the comparison.
func (d *Draft) Check(old *oldconfig.Config) error {
	text := d.Text()
	spec, _, err := config.Parse("spec", strings.NewReader(text))
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		lines := strings.Split(text, "\n")
		for _, m := range mistakes {
			d.remark(oldconfig.Line{File: "spec", Number: m.Line, Text: lines[max(0, m.Line-1)]}, "%s", m.Message)
		}
		return nil
	}
	if err != nil {
		return err
	}
	d.Valid = true
	report, err := verify.Compare(old, spec)
	if err != nil {
		return err
	}
	for _, difference := range report.Differences {
		d.addDifference(difference)
	}
	for _, u := range report.Unproven {
		d.remark(lineOf(u.Rule), "not proven that the spec does the same: %s, for example with %s", u.Reason, u.Packet)
	}
	return nil
}

// addDifference adds a finding at the line that acts on the packet.
func (d *Draft) addDifference(difference exact.Difference) {
	at := oldconfig.Line{Text: "the services"}
	if difference.Old.Service != nil {
		at = difference.Old.Service.Line
	}
	for _, steps := range [][]exact.Step{difference.New.Steps, difference.Old.Steps} {
		if n := len(steps); n > 0 {
			at = lineOf(steps[n-1].Rule)
		}
	}
	d.remark(at, "the spec does not do the same, see verify: %s, for example %s: before, %s; with the spec, %s",
		difference.Kind, difference.Packet, difference.Old.Outcome, difference.New.Outcome)
}

func lineOf(r *oldconfig.Rule) oldconfig.Line {
	if r == nil {
		return oldconfig.Line{Text: "the rules"}
	}
	return r.Line
}
