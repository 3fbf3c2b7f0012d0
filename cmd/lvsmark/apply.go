package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

// applyFlags are the flags of apply.
type applyFlags struct {
	dryRun, adopt  bool
	strict         bool
	noRehearsal    bool
	allowLoss      bool
	confirm, drain time.Duration
	failOn         failOn
}

func newApply(s streams, opts *options) *cobra.Command {
	flags := &applyFlags{}
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "make the kernel match the spec",
		Long: `Apply makes the kernel match the spec and prints its changes in the form of diff.
If nothing differs, it changes nothing. It adds IPVS services and real servers
before it marks packets for them, and removes old ones afterwards. It changes no
objects of other programs. If a step fails, apply rolls back the steps before it;
so it does after Ctrl-C, SIGTERM, and SIGHUP, which the end of an ssh session sends.

With FILE, a plan written by 'lvsmark plan' (- is standard input), apply makes
exactly the changes of that plan, or refuses it and prints what has changed since.
A change of another program's table counts if it gives a new warning; with
--strict, any counts.

With --confirm TIME, apply rolls back its changes unless the operator confirms
them within TIME: with 'lvsmark confirm', Enter on the terminal, or SIGUSR1. A
second lvsmark process does the rollback if the terminal closes or this process
is killed. Ctrl-C and SIGTERM roll back at once.

Apply deletes objects that were added by hand to lvsmark's tables, and a rollback
creates them again. Diff and apply print a note for each that the kernel would
refuse then. With --confirm, apply refuses to delete these; --allow-loss permits it.

With --drain TIME, a removed real server first gets weight 0, so that it gets no
new clients. Apply deletes it when its connections have ended, or after TIME. If
apply is interrupted, the weight stays 0, and the next apply continues.

Apply refuses to change an IPVS service that uses a mark of the spec, differs from
the spec and was not created by lvsmark. With --adopt, it edits that service in
place, and lvsmark owns it from then on. The same holds for a table with the name
in the spec that has only what lvsmark creates, but lost lvsmark's comment in a
reload with 'nft -j -f'.

With --fail-on cuts, apply refuses changes that end connections; with --fail-on
drains, also changes that turn new connections away. Diff prints the effect of
each change. --dry-run makes the same check. With --drain, apply refuses changes
that would still end connections after TIME.

A VIP address that apply adds is announced three times, by gratuitous ARP or by
unsolicited neighbor advertisements, which needs CAP_NET_RAW.

` + noRehearsalHelp + `

Exit status: 0, the kernel matches the spec (with --dry-run: would match it); 2,
an error: apply rolled back its changes, or the message lists what remains.`,
		Example: `  lvsmark apply
  lvsmark apply --dry-run
  lvsmark apply --fail-on cuts
  lvsmark apply monday.plan
  lvsmark apply --confirm 60s
  lvsmark -c ftp.yaml --netns director apply --drain 5m`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageErrorf(cmd, "apply takes at most one plan file: unexpected argument %q", args[1])
			}
			return flags.check(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := flags.planner(cmd, s, opts, args)
			if err != nil {
				return err
			}
			steps := newProgress(s)
			o := lvsmark.Options{
				NetNS: opts.netns, Adopt: flags.adopt, Drain: flags.drain, FailOn: flags.failOn.effect,
				LockOwner: flags.owner(), Progress: steps.step, Strict: flags.strict, Unrehearsed: flags.noRehearsal,
				NoLoss: flags.confirm > 0 && !flags.allowLoss,
			}
			if flags.confirm > 0 && !flags.dryRun {
				return confirmedApply(cmd.Context(), s, opts, plan, o, flags.confirm)
			}
			done, err := flags.apply(cmd.Context(), plan, o)
			steps.stop()
			switch {
			case err != nil:
				return err
			case flags.dryRun:
				return s.printChanges(opts.output, done, dryRunDone)
			}
			return s.afterChanges(s.printChanges(opts.output, done, applied), len(done.Changes()) > 0)
		},
	}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "print the changes and do not make them")
	cmd.Flags().BoolVar(&flags.adopt, "adopt", false, "take over IPVS services that use marks of the spec and were not created by lvsmark")
	addNoRehearsal(cmd, &flags.noRehearsal)
	cmd.Flags().BoolVar(&flags.strict, "strict", false, "refuse FILE if any process has changed the nftables ruleset since")
	cmd.Flags().DurationVar(&flags.confirm, "confirm", 0, "roll back unless confirmed within `TIME`: 60s, 5m")
	cmd.Flags().BoolVar(&flags.allowLoss, "allow-loss", false, "with --confirm: delete objects added by hand that a rollback could not restore")
	cmd.Flags().DurationVar(&flags.drain, "drain", 0, "wait up to `TIME` for connections of removed real servers to end: 5m")
	flags.failOn.add(cmd)
	return cmd
}

// Limits of the times of --confirm and --drain.
const (
	minWait = time.Second
	maxWait = 24 * time.Hour
)

func (f *applyFlags) check(cmd *cobra.Command, args []string) error {
	for _, name := range []string{"confirm", "drain"} {
		flag := cmd.Flags().Lookup(name)
		value, _ := cmd.Flags().GetDuration(name)
		if flag.Changed && (value < minWait || value > maxWait) {
			return usageErrorf(cmd, "--%s takes a time from 1s to 24h: %s", name, flag.Value)
		}
	}
	switch {
	case f.confirm > 0 && f.drain > 0:
		return usageErrorf(cmd, "--confirm and --drain cannot be combined: a rollback cannot restore connections that have ended; apply the additions with --confirm first, then the removals with --drain")
	case f.allowLoss && f.confirm == 0:
		return usageErrorf(cmd, "--allow-loss needs --confirm: apply --confirm TIME --allow-loss")
	case len(args) > 0 && f.drain > 0:
		return usageErrorf(cmd, "--drain cannot be combined with a plan file: it takes steps that are not in the plan")
	case len(args) == 0 && f.strict:
		return usageErrorf(cmd, "--strict needs a plan file: apply FILE --strict")
	case len(args) > 0 && f.adopt:
		return usageErrorf(cmd, "--adopt cannot be combined with a plan file: use it with `lvsmark plan`")
	}
	return nil
}

// owner returns the description of this process that other lvsmark processes print
// while it holds the lock.
func (f *applyFlags) owner() string {
	switch {
	case f.drain > 0:
		return fmt.Sprintf("apply --drain %s", f.drain)
	case f.confirm > 0:
		return fmt.Sprintf("apply --confirm %s", f.confirm)
	}
	return "apply"
}

// A planner makes the plan of a spec or of a plan file.
type planner func(context.Context, lvsmark.Options) (*lvsmark.Plan, error)

func (f *applyFlags) planner(cmd *cobra.Command, s streams, opts *options, args []string) (planner, error) {
	if len(args) > 0 {
		return savedPlanner(cmd, s, opts, args[0])
	}
	source := opts.source(cmd.Context(), s)
	return func(ctx context.Context, o lvsmark.Options) (*lvsmark.Plan, error) {
		return lvsmark.PlanSpec(ctx, source, o)
	}, nil
}

// apply makes the plan and applies it, or only checks it with --dry-run.
func (f *applyFlags) apply(ctx context.Context, plan planner, o lvsmark.Options) (*lvsmark.Plan, error) {
	p, err := plan(ctx, o)
	switch {
	case err != nil:
		return nil, err
	case f.dryRun:
		return p, cmp.Or(p.Locked(), p.Refused())
	}
	ignoreClosedPipe()
	return lvsmark.Apply(ctx, p)
}
