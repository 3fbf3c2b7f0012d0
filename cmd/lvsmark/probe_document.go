package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/probe"
)

// A probeDocument is the JSON output of probe.
type probeDocument struct {
	Version  int               `json:"version"`
	OK       bool              `json:"ok"`
	Sessions []sessionDocument `json:"sessions"`
}

type sessionDocument struct {
	Cluster    string                 `json:"cluster"`
	RealServer string                 `json:"real_server,omitempty"` // omitted for a VIP
	Control    string                 `json:"control"`
	Mode       probe.Mode             `json:"mode"`
	TLS        probe.TLS              `json:"tls"`
	OK         bool                   `json:"ok"`
	Milli      float64                `json:"milliseconds"`
	Steps      []probeStepDocument    `json:"steps"`
	Findings   []probeFindingDocument `json:"findings"`
}

type probeStepDocument struct {
	Name   string  `json:"name"`
	Milli  float64 `json:"milliseconds"`
	Detail string  `json:"detail"`
}

type probeFindingDocument struct {
	Step    string `json:"step"`
	Check   string `json:"check"`
	Message string `json:"message"`
}

func newProbeDocument(security probe.TLS, results []probe.Result) probeDocument {
	d := probeDocument{Version: documentVersion, OK: !anyFailed(results), Sessions: []sessionDocument{}}
	for _, r := range results {
		item := sessionDocument{
			Cluster: r.Cluster, RealServer: r.RealServer, Control: r.Control.String(), Mode: r.Mode, TLS: security,
			OK: r.Finding == nil, Milli: milliseconds(r.Time()), Steps: []probeStepDocument{}, Findings: []probeFindingDocument{},
		}
		for _, s := range r.Steps {
			item.Steps = append(item.Steps, probeStepDocument{s.Name, milliseconds(s.Time), printable.Line(s.Detail)})
		}
		if r.Finding != nil {
			item.Findings = append(item.Findings, probeFindingDocument{r.Finding.Step, r.Finding.Check, printable.Line(r.Finding.Message)})
		}
		d.Sessions = append(d.Sessions, item)
	}
	return d
}

// milliseconds returns a duration with a resolution of 10 µs.
func milliseconds(d time.Duration) float64 { return float64(d.Round(10*time.Microsecond)) / 1e6 }

func anyFailed(results []probe.Result) bool {
	for _, r := range results {
		if r.Finding != nil {
			return true
		}
	}
	return false
}

// printProbe prints the sessions, and returns an error if one failed.
func (s streams) printProbe(output format, security probe.TLS, results []probe.Result) error {
	var err error
	if output == formatJSON {
		err = s.printJSON(newProbeDocument(security, results))
	} else {
		err = s.print(probeText(paletteOf(s.out), results))
	}
	if err == nil && anyFailed(results) {
		return errProbeFailed
	}
	return err
}

// sessionText names a session.
func sessionText(s probe.Session) string {
	if s.RealServer == "" {
		return fmt.Sprintf("cluster %s, VIP %s, %s", s.Cluster, s.Control, s.Mode)
	}
	return fmt.Sprintf("cluster %s, real server %s, %s, %s", s.Cluster, s.RealServer, s.Control, s.Mode)
}

// probeText lists the sessions with their steps.
func probeText(p palette, results []probe.Result) string {
	var b strings.Builder
	for _, r := range results {
		outcome := p.paint(green, "ok")
		if r.Finding != nil {
			outcome = p.paint(bold+red, "failed at "+r.Finding.Step)
		}
		fmt.Fprintf(&b, "%s: %s, %.1f ms\n", sessionText(r.Session), outcome, milliseconds(r.Time()))
		for _, s := range r.Steps {
			line := fmt.Sprintf("  %-13s%8.1f ms  %s", s.Name, milliseconds(s.Time), printable.Line(s.Detail))
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		if r.Finding != nil {
			fmt.Fprintf(&b, "  finding: %s: %s\n", r.Finding.Check, printable.Line(r.Finding.Message))
		}
	}
	return b.String()
}
