package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newDelete(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "delete",
		Short: "take back all that apply made",
		Long: `Delete takes back all that apply made and nothing else, and lists it as diff
does: tables, IPVS services, addresses; settings get the values they had before.
What lvsmark made is found in the kernel, so the spec is not read.

It needs root: CAP_NET_ADMIN and CAP_SYS_ADMIN.

Exit status: 0, deleted, or nothing was there; 2, an error.`,
		Example: `  lvsmark delete
  lvsmark --netns director delete -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			steps := newProgress(s)
			result, err := lvsmark.Remove(cmd.Context(), lvsmark.Options{NetNS: opts.netns, Progress: steps.step})
			steps.stop()
			if err != nil {
				return err
			}
			return s.printChanges(opts.output, result, deleted)
		},
	}
}
