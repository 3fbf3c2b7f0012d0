package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newDiff(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "diff",
		Short: "compare the spec with the kernel",
		Long: `Diff lists what apply would do: + what is added, - what is deleted, ~ what is
edited in place, in nftables, IPVS, sysctls and addresses, under what holds it.
The ruleset is committed to a scratch network namespace, so the kernel itself has
accepted it; nothing else is changed.

Below a change stands what it does to live traffic, by what the kernel holds now:

  drains   connections go on, new ones come no longer or go elsewhere
  cuts N   N connections end

Where nothing stands, it is safe: connections go on, and new ones are served. The
last line sums up.

Rules of others that set the mark of a cluster's packets, or take those packets
before IPVS does, are named in warnings on standard error.

On a terminal the listing is coloured, unless NO_COLOR is set or TERM is dumb.

It needs root: CAP_NET_ADMIN to read the ruleset, CAP_SYS_ADMIN for the scratch
network namespace.

Exit status: 0, no difference; 1, a difference; 2, an error.`,
		Example: `  lvsmark diff
  lvsmark diff --netns director
  lvsmark diff -o json | jq '.changes[] | select(.op == "delete")'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := lvsmark.Plan(cmd.Context(), opts.source(s), lvsmark.Options{NetNS: opts.netns})
			if err != nil {
				return err
			}
			if err := s.printChanges(opts.output, result, pending); err != nil {
				return err
			}
			if len(result.Changes) > 0 {
				return errDifference
			}
			return nil
		},
	}
}
