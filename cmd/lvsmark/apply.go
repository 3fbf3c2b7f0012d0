package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newApply(s streams, opts *options) *cobra.Command {
	var dryRun, adopt bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "make the kernel match the spec",
		Long: `Apply makes the kernel match the spec and lists what it did, as diff does. When
nothing differs, it changes nothing. New services and real servers come before
the packets that are marked for them, and old ones go after; connections stay.
What others made is left alone. When a step fails, those before it are undone.

An IPVS service of one of the spec's marks that lvsmark did not make, and that
differs from the spec, is refused, unless --adopt says to take it over: it is
then edited in place.

It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN for the scratch network namespace
in which the kernel tries the ruleset first.

Exit status: 0, the kernel matches the spec (or, with --dry-run, would); 2, an
error, and nothing is changed.`,
		Example: `  lvsmark apply
  lvsmark apply --dry-run
  lvsmark -c ftp.yaml --netns director apply`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, _, err := opts.load(s)
			if err != nil {
				return err
			}
			act, form := lvsmark.Apply, applied
			if dryRun {
				act, form = lvsmark.Plan, rehearsed
			}
			steps := newProgress(s)
			result, err := act(cmd.Context(), spec, lvsmark.Options{NetNS: opts.netns, Adopt: adopt, Progress: steps.step})
			steps.stop()
			if err != nil {
				return err
			}
			return s.printChanges(opts.output, result, form)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "list what would be done, and do nothing")
	cmd.Flags().BoolVar(&adopt, "adopt", false, "take over services of the spec's marks that lvsmark did not make")
	return cmd
}
