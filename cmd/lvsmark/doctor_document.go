package main

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// A doctorDocument is the JSON output of doctor.
type doctorDocument struct {
	Version    int            `json:"version"`
	Target     string         `json:"target"` // director, or the name of the real server
	Checks     []examDocument `json:"checks"`
	Findings   int            `json:"findings"`
	NotChecked int            `json:"not_checked"`

	Fixed  *lvsmark.Plan    `json:"-"`
	Change *changesDocument `json:"fixed,omitempty"` // what --fix has changed
}

type examDocument struct {
	Name     string         `json:"name"`
	Status   string         `json:"status"` // ok, finding, not checked
	Why      string         `json:"why"`
	Reason   string         `json:"reason,omitempty"` // of a check that could not be made, or not in full
	Findings []trapDocument `json:"findings"`
}

type trapDocument struct {
	Text  string `json:"text"`
	Fix   string `json:"fix"`
	Apply bool   `json:"apply"` // doctor --fix removes it
}

// errTraps makes doctor exit with statusDifference.
var errTraps = fmt.Errorf("there are findings: %w", errDifference)

// print prints the report and returns errTraps if it has findings.
func (d doctorDocument) print(s streams, f format, report doctor.Report) error {
	var err error
	if f == formatJSON {
		d.fill(report)
		err = s.printJSON(d)
	} else {
		err = s.print(d.text(report, paletteOf(s.out)))
	}
	if err == nil && report.Findings() > 0 {
		err = errTraps
	}
	return err
}

func (d *doctorDocument) fill(report doctor.Report) {
	d.Version, d.Checks = documentVersion, []examDocument{}
	d.Findings, d.NotChecked = report.Findings(), report.Unchecked()
	if d.Fixed != nil {
		d.Change = new(newChangesDocument(d.Fixed))
	}
	for _, r := range report {
		c := examDocument{Name: r.Name, Status: "ok", Why: r.Why, Reason: r.NotChecked, Findings: []trapDocument{}}
		for _, f := range r.Findings {
			c.Findings = append(c.Findings, trapDocument{f.Text, f.Command, f.Apply})
		}
		switch {
		case len(r.Findings) > 0:
			c.Status = "finding"
		case r.NotChecked != "":
			c.Status = "not checked"
		}
		d.Checks = append(d.Checks, c)
	}
}

// maxShown bounds the findings of a check in text.
const maxShown = 10

// text lists the findings, then the checks that could not be made.
func (d doctorDocument) text(report doctor.Report, colours palette) string {
	var b strings.Builder
	if d.Fixed != nil {
		b.WriteString(listing(d.Fixed.Changes(), colours) + applied.line(d.Fixed.Changes()) + "\n\n")
	}
	for _, r := range report {
		for i, f := range r.Findings {
			if i == maxShown {
				fmt.Fprintf(&b, "%s: %d more findings, which -o json prints\n", r.Name, len(r.Findings)-i)
				break
			}
			command := printable.Line(f.Command)
			if f.Apply {
				command += " (doctor --fix does it)"
			}
			fmt.Fprintf(&b, "%s: %s\n  why: %s\n  fix: %s\n", colours.paint(yellow, r.Name), printable.Line(f.Text), r.Why, command)
		}
	}
	for _, r := range report {
		if r.NotChecked != "" {
			fmt.Fprintf(&b, "%s: not checked: %s\n", r.Name, printable.Line(r.NotChecked))
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s, %s, %d not checked\n", plural(len(report), "check"), plural(report.Findings(), "finding"), report.Unchecked())
	return b.String()
}

// A listedCheck is an item of the JSON output of doctor --list.
type listedCheck struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Why     string `json:"why"`
}

// printChecks prints the names and summaries of checks.
func printChecks[S any](s streams, f format, checks []doctor.Check[S]) error {
	if f == formatJSON {
		list := make([]listedCheck, len(checks))
		for i, c := range checks {
			list[i] = listedCheck{c.Name, c.Summary, c.Why}
		}
		return s.printJSON(struct {
			Version int           `json:"version"`
			Checks  []listedCheck `json:"checks"`
		}{documentVersion, list})
	}
	var b strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&b, "%s\n    %s\n", c.Name, c.Summary)
	}
	return s.print(b.String())
}
