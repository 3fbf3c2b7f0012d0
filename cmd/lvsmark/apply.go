package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

// applyFlags are those of apply.
type applyFlags struct {
	dryRun, adopt  bool
	confirm, drain time.Duration
	failOn         failOn
}

func newApply(s streams, opts *options) *cobra.Command {
	flags := &applyFlags{}
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "make the kernel match the spec",
		Long: `Apply makes the kernel match the spec and lists what it did, as diff does. When
nothing differs, it changes nothing. New services and real servers come before
the packets that are marked for them, and old ones go after; connections stay.
What others made is left alone. When a step fails, those before it are undone.

With FILE, which 'lvsmark plan' wrote, it does precisely what is written there, or
refuses and says what moved since: the spec, the ruleset, IPVS, a setting.

With --confirm TIME all that was there before comes back unless somebody says in
time that it may stay: with 'lvsmark confirm', Enter on the terminal, or SIGUSR1.
It comes back as well when the terminal is gone or this process is killed: a
second process of lvsmark waits for that. Ctrl-C and SIGTERM bring it back at once.

With --drain TIME a real server that is to go gets weight 0 first, so that it gets
no new clients, and goes when its connections have ended, or after that time.
Interrupted, the weight stays 0, and the next apply goes on from there.

An IPVS service of one of the spec's marks that lvsmark did not make, and that
differs from the spec, is refused, unless --adopt says to take it over: it is
then edited in place.

With --fail-on cuts it refuses what would end connections, and with --fail-on
drains also what keeps new ones away, also with --dry-run; diff says which changes
do. With --drain, it refuses what would still end connections after that time.

It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN for the scratch network namespace
in which the kernel tries the ruleset first.

Exit status: 0, the kernel matches the spec (or, with --dry-run, would); 2, an
error: what was done before it is undone, or the message names what is left.`,
		Example: `  lvsmark apply
  lvsmark apply --dry-run
  lvsmark apply --fail-on cuts
  lvsmark apply monday.plan
  lvsmark apply --confirm 60s
  lvsmark -c ftp.yaml --netns director apply --drain 5m`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageErrorf(cmd, "apply takes one plan file at the most: %q is one too many", args[1])
			}
			return flags.check(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			work, err := flags.work(cmd, s, opts, args)
			if err != nil {
				return err
			}
			steps := newProgress(s)
			o := lvsmark.Options{NetNS: opts.netns, Drain: flags.drain, FailOn: flags.failOn.effect, LockOwner: flags.owner(), Progress: steps.step}
			if flags.confirm > 0 && !flags.dryRun {
				return confirmedApply(cmd.Context(), s, opts, work, o, flags.confirm)
			}
			act, form := work.apply, applied
			if flags.dryRun {
				act, form = work.plan, rehearsed
			}
			result, err := act(cmd.Context(), o)
			steps.stop()
			if err != nil {
				return err
			}
			return s.printChanges(opts.output, result, form)
		},
	}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "list what would be done, and do nothing")
	cmd.Flags().BoolVar(&flags.adopt, "adopt", false, "take over services of the spec's marks that lvsmark did not make")
	cmd.Flags().DurationVar(&flags.confirm, "confirm", 0, "bring back what was there unless confirmed within `TIME`: 60s, 5m")
	cmd.Flags().DurationVar(&flags.drain, "drain", 0, "let connections to what goes end first, for `TIME` at the most: 5m")
	flags.failOn.add(cmd)
	return cmd
}

// Limits of --confirm and --drain.
const (
	leastTime = time.Second
	mostTime  = 24 * time.Hour
)

func (f *applyFlags) check(cmd *cobra.Command, args []string) error {
	for _, name := range []string{"confirm", "drain"} {
		flag := cmd.Flags().Lookup(name)
		value, _ := cmd.Flags().GetDuration(name)
		if flag.Changed && (value < leastTime || value > mostTime) {
			return usageErrorf(cmd, "--%s takes a time from 1s to 24h: %s", name, flag.Value)
		}
	}
	switch {
	case f.confirm > 0 && f.drain > 0:
		return usageErrorf(cmd, "--confirm and --drain do not go together: connections that have ended cannot be brought back; confirm without --drain what comes, then drain what goes")
	case len(args) > 0 && f.drain > 0:
		return usageErrorf(cmd, "--drain does not go with a plan file: it takes steps that the plan does not have")
	case len(args) > 0 && f.adopt:
		return usageErrorf(cmd, "--adopt does not go with a plan file: give it to `lvsmark plan`")
	}
	return nil
}

// owner is what other processes are told of this one.
func (f *applyFlags) owner() string {
	switch {
	case f.drain > 0:
		return fmt.Sprintf("apply --drain %s", f.drain)
	case f.confirm > 0:
		return fmt.Sprintf("apply --confirm %s", f.confirm)
	}
	return "apply"
}

// An applyWork is what apply is about: the spec, or a plan file.
type applyWork struct {
	plan, apply func(context.Context, lvsmark.Options) (*lvsmark.Result, error)
}

func (f *applyFlags) work(cmd *cobra.Command, s streams, opts *options, args []string) (*applyWork, error) {
	if len(args) > 0 {
		return savedWork(cmd, s, opts, args[0])
	}
	source := opts.source(s)
	return &applyWork{
		plan: func(ctx context.Context, o lvsmark.Options) (*lvsmark.Result, error) {
			o.Adopt = f.adopt
			return lvsmark.Plan(ctx, source, o)
		},
		apply: func(ctx context.Context, o lvsmark.Options) (*lvsmark.Result, error) {
			o.Adopt = f.adopt
			return lvsmark.Apply(ctx, source, o)
		},
	}, nil
}
