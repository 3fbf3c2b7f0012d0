package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/doctor/realserver"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/privilege"
	"github.com/lvsmark/lvsmark/ipvs"
)

const doctorHelp = `Doctor looks for traps on the director: settings, rules and programs that break the
clusters of the spec. For each finding it prints what it has found, why that
matters, and the command that removes the trap. It changes nothing.

--real-server NAME, on a real server, makes the checks of that host for all clusters
in which it is; NAME is its name or address in the spec.

--fix applies the spec, as 'lvsmark apply' does, if that removes a finding, unless
it would end connections; then it makes the checks again. It changes nothing that
apply does not own.

A check that cannot be made is listed with its reason, and is no finding. On the
director, doctor needs CAP_NET_ADMIN; CAP_NET_RAW for the check server-arp.

Exit status: 0, no finding; 1, a finding; 2, an error.`

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	fix, list  bool
	realServer string
	selection  doctor.Selection
}

func newDoctor(s streams, opts *options) *cobra.Command {
	flags := &doctorFlags{}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look for traps on the director or on a real server",
		Long:  doctorHelp,
		Example: `  lvsmark doctor
  lvsmark doctor --list
  lvsmark doctor --check vip-local,server-arp
  lvsmark doctor --fix
  lvsmark doctor --real-server rs1
  lvsmark doctor -o json | jq '.checks[] | select(.status == "finding")'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if flags.fix && flags.realServer != "" {
				return usageErrorf(cmd, "--fix applies the spec on the director: omit it with --real-server")
			}
			return onlySpec(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := flags.run(cmd.Context(), s, opts)
			if errors.Is(err, doctor.ErrUnknown) || errors.Is(err, doctor.ErrNone) {
				return usageErrorf(cmd, "%w", err)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&flags.fix, "fix", false, "apply the spec if that removes a finding")
	cmd.Flags().BoolVar(&flags.list, "list", false, "list the checks")
	cmd.Flags().StringVar(&flags.realServer, "real-server", "", "check this host as the real server `NAME`")
	cmd.Flags().StringSliceVar(&flags.selection.Only, "check", nil, "make only the checks `NAMES`, separated by commas")
	cmd.Flags().StringSliceVar(&flags.selection.Skip, "skip", nil, "omit the checks `NAMES`")
	completeFromSpec(s, opts, cmd, "real-server", realserver.Names)
	for _, flag := range []string{"check", "skip"} {
		completeList(cmd, flag, flags.names)
	}
	return cmd
}

// names returns the names of the checks.
func (f *doctorFlags) names() []string {
	if f.realServer != "" {
		return doctor.Names(realserver.Checks())
	}
	return doctor.Names(director.Checks())
}

func (f *doctorFlags) run(ctx context.Context, s streams, opts *options) error {
	if f.realServer != "" {
		return runChecks(ctx, s, opts, f, realserver.Checks(), f.onRealServer)
	}
	return runChecks(ctx, s, opts, f, director.Checks(), f.onDirector)
}

// checker makes selected checks for a spec.
type checker[S any] func(ctx context.Context, s streams, opts *options, spec *config.Spec, checks []doctor.Check[S]) (doctorDocument, doctor.Report, error)

// runChecks selects checks, and lists them or makes them and prints the report.
func runChecks[S any](ctx context.Context, s streams, opts *options, f *doctorFlags, all []doctor.Check[S], run checker[S]) error {
	checks, err := doctor.Select(all, f.selection)
	if err != nil {
		return err
	}
	if f.list {
		return printChecks(s, opts.output, checks)
	}
	spec, _, err := opts.load(ctx, s)
	if err != nil {
		return err
	}
	d, report, err := run(ctx, s, opts, spec, checks)
	if err != nil {
		return err
	}
	if opts.file != config.DefaultFile && opts.file != "-" {
		report.NameSpec(opts.file)
	}
	if opts.netns != "" && report.Findings() > 0 {
		s.printErr("lvsmark: note: the commands are for the network namespace %s: run them in a shell of `%s`", opts.netns, enterNamespace(opts.netns))
	}
	return d.print(s, opts.output, report)
}

// enterNamespace returns the command that starts a shell in a network namespace. ip-netns(8) knows
// names only.
func enterNamespace(netns string) string {
	if strings.Contains(netns, "/") {
		return "nsenter --net=" + netns + " sh"
	}
	return "ip netns exec " + netns + " sh"
}

// onDirector makes the checks of a director, again after --fix.
func (f *doctorFlags) onDirector(ctx context.Context, s streams, opts *options, spec *config.Spec, checks []doctor.Check[*director.Subject]) (doctorDocument, doctor.Report, error) {
	d := doctorDocument{Target: "director"}
	if err := privilege.Check(privilege.NetAdmin()); err != nil {
		return d, nil, err
	}
	steps := newProgress(s)
	defer steps.stop()
	report, err := examineDirector(ctx, opts, spec, checks, steps)
	if err != nil || !f.fix || !report.Appliable() {
		return d, report, err
	}
	if d.Fixed, err = fix(ctx, opts, spec, steps); err != nil {
		return d, nil, err
	}
	report, err = examineDirector(ctx, opts, spec, checks, steps)
	return d, report, err
}

// onRealServer makes the checks of a real server.
func (f *doctorFlags) onRealServer(ctx context.Context, _ streams, opts *options, spec *config.Spec, checks []doctor.Check[*realserver.Subject]) (doctorDocument, doctor.Report, error) {
	d := doctorDocument{Target: f.realServer}
	servers, err := realserver.Find(spec, f.realServer)
	if err != nil {
		return d, nil, err
	}
	report, err := examine(ctx, opts, func(h *host.Host) doctor.Report {
		h.ReadServer(spec)
		return doctor.Run(checks, &realserver.Subject{Host: h, Servers: servers})
	})
	return d, report, err
}

// examine reads the host and calls run, on a thread in the network namespace.
func examine(ctx context.Context, opts *options, run func(*host.Host) doctor.Report) (doctor.Report, error) {
	return interruptible(ctx, "doctor", func() (report doctor.Report, err error) {
		err = lvsmark.InNamespace(opts.netns, func() error {
			h, routes, err := host.Read(rootDirectory())
			if err != nil {
				return err
			}
			defer routes.Close()
			report = run(h)
			return nil
		})
		return report, err
	})
}

// examineDirector reads the director and makes the checks.
func examineDirector(ctx context.Context, opts *options, spec *config.Spec, checks []doctor.Check[*director.Subject], steps *progress) (doctor.Report, error) {
	steps.step("read the host")
	return examine(ctx, opts, func(h *host.Host) doctor.Report {
		h.ReadDirector(rootDirectory(), spec)
		steps.step("compare the kernel with the spec")
		h.Drift.Value, h.Drift.Err = drift(ctx, opts, spec)
		steps.step("make the checks")
		return doctor.Run(checks, &director.Subject{Host: h, Spec: spec})
	})
}

// rootDirectory is the directory of the host's files. Tests set LVSMARK_ROOT.
func rootDirectory() string {
	if root := os.Getenv("LVSMARK_ROOT"); root != "" {
		return root
	}
	return "/"
}

// drift compares the spec with the kernel, on the calling thread's namespace for IPVS. It
// loads no module.
func drift(ctx context.Context, opts *options, spec *config.Spec) (d host.Drift, err error) {
	if spec.Director.Bind && !ipvs.Loaded() {
		return host.Drift{NoIPVS: true}, nil
	}
	o := lvsmark.Options{NetNS: opts.netns, Unrehearsed: privilege.Check(privilege.SysAdmin()) != nil}
	plan, err := lvsmark.PlanSpec(ctx, lvsmark.Known(spec), o)
	switch {
	case ctx.Err() != nil:
		return d, context.Cause(ctx)
	case err != nil:
		return host.Drift{Refusal: err.Error()}, nil
	}
	d.Changes = len(plan.Changes())
	return d, nil
}

// fix applies the spec, unless that would end connections.
func fix(ctx context.Context, opts *options, spec *config.Spec, steps *progress) (*lvsmark.Plan, error) {
	plan, err := lvsmark.PlanSpec(ctx, lvsmark.Known(spec), lvsmark.Options{
		NetNS: opts.netns, FailOn: impact.Cuts, LockOwner: "doctor --fix", Progress: steps.step,
		Unrehearsed: privilege.Check(privilege.SysAdmin()) != nil,
	})
	if err != nil {
		return nil, fmt.Errorf("doctor --fix: %w", err)
	}
	done, err := lvsmark.Apply(ctx, plan)
	if err != nil {
		return nil, fmt.Errorf("doctor --fix: %w", err)
	}
	return done, nil
}
