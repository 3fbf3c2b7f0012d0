package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/internal/status/metrics"
)

// statusFlags are the flags of status.
type statusFlags struct {
	totals      bool
	noRehearsal bool
	watch       uint
	out         string
}

// maxWatch is a day in seconds.
const maxWatch = 24 * 60 * 60

const statusHelp = `Status compares the spec with the kernel, as diff does, and prints for each real
server:

  state    in sync   as in the spec
           drifted   in the kernel with other properties, on the next line
           missing   in the spec only
           extra     in the kernel only, created by lvsmark
           drained   weight 0 by 'lvsmark drain'; the spec has another weight
           unbound   not compared: another program manages IPVS (bind: false)
  weight   in the kernel
  active   established connections
  inact    other connections: those that begin or end, and UDP
  persist  clients that persistence keeps on the real server
  conn/s   new connections per second; in/s and out/s: bytes per second from
           and to clients. The kernel updates rates and totals every two seconds.
           With forwarding direct and tunnel it does not see what real servers send
  passive  share of the passive FTP ports with an established connection

A real server with several services in one cluster has the sum of their numbers.
Packets that carried a mark are the packets in of its service: the rules that set
marks have no counters, which would cost time for each packet.

A sync daemon of the spec that runs and does not work is named with the reason.

With --watch, an error is printed in place of the status, for example of a spec that
is being edited, and status goes on; only an error of the first one ends it.

With CLUSTER, status prints only these clusters. The last line and the exit status
are about the whole spec.

-o json prints one document (see 'lvsmark help json'), -o openmetrics the metrics
of all clusters for Prometheus. --out FILE writes the output to a file, completely
or not at all, with mode 0644: for the textfile collector of node_exporter, a file
*.prom in its directory. If lvsmark-diff.timer is enabled, a line has the result of
its last diff.

` + noRehearsalHelp + `

Exit status: 0, no difference; 1, a difference; 2, an error.`

func newStatus(s streams, opts *options) *cobra.Command {
	flags := &statusFlags{}
	cmd := &cobra.Command{
		Use:   "status [CLUSTER...]",
		Short: "print real servers, connections and rates, and what differs from the spec",
		Long:  statusHelp,
		Example: `  lvsmark status
  lvsmark status ftp --totals
  lvsmark status --watch=5
  lvsmark status -o json | jq '.clusters[] | select(.state != "in sync")'
  lvsmark status -o openmetrics --out /var/lib/prometheus/node-exporter/lvsmark.prom`,
		ValidArgsFunction: completeClusters(s, opts),
		RunE: func(cmd *cobra.Command, names []string) error {
			switch {
			case cmd.Flags().Changed("watch") && (flags.watch == 0 || flags.watch > maxWatch):
				return usageErrorf(cmd, "--watch takes a number of seconds from 1 to %d", maxWatch)
			case flags.watch > 0 && opts.file == stdin:
				return usageErrorf(cmd, "--watch reads the spec each time, which standard input (-) has only once: name a file")
			}
			return flags.run(cmd.Context(), s, opts, names)
		},
	}
	cmd.Flags().BoolVar(&flags.totals, "totals", false, "print totals since a real server was added in place of connections and rates")
	cmd.Flags().UintVar(&flags.watch, "watch", 0, "print again every `SECONDS` until interrupted (default 2)")
	cmd.Flags().Lookup("watch").NoOptDefVal = "2"
	addOut(cmd, &flags.out)
	addNoRehearsal(cmd, &flags.noRehearsal)
	return cmd
}

// run prints the status, again and again with --watch.
func (f *statusFlags) run(ctx context.Context, s streams, opts *options, names []string) error {
	read := func() (*status.Report, error) { return f.read(ctx, s, opts, names) }
	write := func(r *status.Report, first bool) error {
		return s.toFile(ctx, f.out, "the status", func(to streams) error { return f.write(to, opts, r, first) })
	}
	if f.watch > 0 {
		return f.repeat(ctx, s, opts, read, write)
	}
	report, err := read()
	if err != nil {
		return err
	}
	return cmp.Or(write(report, true), difference(report))
}

// difference returns the error that makes the exit status statusDifference, if there is one.
func difference(r *status.Report) error {
	if r.InSync {
		return nil
	}
	return errDifference
}

// read reads the spec and the kernel.
func (f *statusFlags) read(ctx context.Context, s streams, opts *options, names []string) (*status.Report, error) {
	steps := newProgress(s)
	defer steps.stop()
	report, err := lvsmark.ReadStatus(ctx, opts.source(ctx, s), lvsmark.Options{NetNS: opts.netns, Unrehearsed: f.noRehearsal, Progress: steps.step})
	if err != nil {
		return nil, err
	}
	selected, missing := report.Select(names)
	if missing != "" {
		hint := ""
		if _, err := strconv.Atoi(missing); err == nil && f.watch > 0 {
			hint = "; for seconds, write --watch=" + missing
		}
		return nil, fmt.Errorf("%w%s", lookup.Unknown("the spec has no cluster", missing, report.Names()), hint)
	}
	return selected, nil
}

// write prints a report. The result of the timer is about the namespace of the host.
func (f *statusFlags) write(s streams, opts *options, r *status.Report, first bool) error {
	var last *lastDiff
	if opts.netns == "" {
		var err error
		if last, err = readLastDiff(lastDiffFile); err != nil {
			s.printErr("lvsmark: warning: %s", printable.Line(err.Error()))
		}
	}
	switch opts.output {
	case formatJSON:
		return s.printJSON(statusDocument{Version: documentVersion, Time: time.Now().UTC().Truncate(time.Second), LastDiff: last, Report: r})
	case formatOpenMetrics:
		if err := metrics.Write(s.out, r, time.Now()); err != nil {
			return outputError(err)
		}
		return nil
	}
	text := r.Text(f.style(paletteOf(s.out)))
	if last != nil {
		text += last.String() + "\n"
	}
	if f.watch > 0 && f.out == "" {
		text = f.screen(s, text, first)
	}
	return s.print(text)
}

func (f *statusFlags) style(colours palette) status.Style {
	return status.Style{
		Totals:  f.totals,
		Heading: colours.heading,
		Paint: func(state status.State, text string) string {
			switch state {
			case status.InSync, status.Unbound:
				return text
			case status.Drained:
				return colours.paint(yellow, text)
			}
			return colours.paint(red, text)
		},
	}
}

// A statusDocument is the JSON output of status.
type statusDocument struct {
	Version  int       `json:"version"`
	Time     time.Time `json:"time"`
	LastDiff *lastDiff `json:"last_diff,omitempty"`
	*status.Report
}
