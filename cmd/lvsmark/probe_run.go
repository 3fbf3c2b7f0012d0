package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/probe"
)

// errProbeFailed makes probe exit with statusDifference.
var errProbeFailed = fmt.Errorf("a session failed: %w", errDifference)

// targetsOf returns the targets of a cluster at a control port.
type targetsOf func(*config.Cluster, uint16) ([]probe.Target, error)

// run makes the sessions and prints them.
func (f *probeFlags) run(cmd *cobra.Command, s streams, opts *options, cluster string, targets targetsOf) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	list, security, err := f.targets(cmd, s, opts, cluster, targets)
	if err != nil && f.failOpen && cmd.Context().Err() == nil {
		s.failOpen(err)
		return nil
	}
	if err != nil {
		return err
	}
	sessions, do, err := f.prepare(cmd, s, opts, list, security)
	if err != nil {
		return err
	}
	steps := newProgress(s)
	do.Progress = func(p probe.Session, step string) { steps.step(sessionText(p) + ": " + step) }
	var results []probe.Result
	err = probe.Run(cmd.Context(), sessions, do, func(r probe.Result) { results = append(results, r) })
	steps.stop()
	if err != nil {
		return err
	}
	return s.printProbe(opts.output, security, results)
}

// failOpen says why nothing was probed, also in the system log: keepalived closes the standard
// error of its checks.
func (s streams) failOpen(why error) {
	for line := range strings.Lines(printable.Error(why)) {
		line = "nothing was probed: " + strings.TrimSuffix(line, "\n")
		s.printErr("lvsmark: %s", line)
		logSystem(line)
	}
}

// targets reads the spec.
func (f *probeFlags) targets(cmd *cobra.Command, s streams, opts *options, name string, targets targetsOf) ([]probe.Target, probe.TLS, error) {
	spec, _, err := opts.load(cmd.Context(), s)
	if err != nil {
		return nil, "", err
	}
	cluster, err := ftpCluster(spec, name)
	if err != nil {
		return nil, "", err
	}
	security := f.securityOf(cluster.FTP)
	port, err := probe.ControlPort(cluster.FTP, security)
	if err != nil {
		return nil, "", fmt.Errorf("cluster %s: %w", name, err)
	}
	list, err := targets(cluster, port)
	return list, security, err
}

// prepare does all else that needs no server.
func (f *probeFlags) prepare(cmd *cobra.Command, s streams, opts *options, targets []probe.Target, security probe.TLS) ([]probe.Session, probe.Options, error) {
	sessions := f.sessions(targets)
	switch {
	case security == probe.NoTLS && f.needsTLS():
		return nil, probe.Options{}, usageErrorf(cmd, "a flag of TLS without TLS: add --tls explicit or --tls implicit")
	case len(sessions) == 0:
		return nil, probe.Options{}, f.familyError()
	}
	do, err := interruptible(cmd.Context(), "reading the files of the flags", func() (probe.Options, error) { return f.options(s, opts, security) })
	return sessions, do, err
}

// familyError names the flags that no address fits.
func (f *probeFlags) familyError() error {
	var flags []string
	if len(f.modes) > 0 {
		flags = append(flags, "--mode "+strings.Join(f.modes, ","))
	}
	if f.source != "" {
		flags = append(flags, "--source "+f.source)
	}
	return fmt.Errorf("no address of the family of %s", strings.Join(flags, " and "))
}

// securityOf returns the kind of TLS. If no flag says it, the ports do.
func (f *probeFlags) securityOf(ftp *config.FTP) probe.TLS {
	if f.security != "" {
		return probe.TLS(f.security)
	}
	if _, err := probe.ControlPort(ftp, probe.NoTLS); err != nil {
		return probe.Implicit
	}
	return probe.NoTLS
}

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
	return slices.ContainsFunc(results, func(r probe.Result) bool { return r.Finding != nil })
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
