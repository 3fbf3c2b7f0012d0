package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newDelete(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "delete",
		Short: "remove everything that apply made",
		Long: `Delete removes the tables, IPVS services and addresses that apply made, gives
sysctls and timeouts their previous values, and prints its changes in the form of
diff. It finds these objects in the kernel and does not read the spec. A note names
each setting that keeps its value, and how to set it.

It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN with --netns.

Exit status: 0, deleted, or nothing to delete; 2, an error.`,
		Example: `  lvsmark delete
  lvsmark --netns director delete -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ignoreClosedPipe()
			steps := newProgress(s)
			plan, err := lvsmark.PlanRemoval(cmd.Context(), lvsmark.Options{NetNS: opts.netns, Progress: steps.step})
			if err == nil {
				plan, err = lvsmark.Apply(cmd.Context(), plan)
			}
			steps.stop()
			if err != nil {
				return err
			}
			return s.afterChanges(s.printChanges(opts.output, plan, deleted), len(plan.Changes()) > 0)
		},
	}
}
