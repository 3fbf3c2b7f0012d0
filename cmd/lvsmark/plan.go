package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newPlan(s streams, opts *options) *cobra.Command {
	var out string
	var adopt, noRehearsal bool
	cmd := &cobra.Command{
		Use:   "plan -O FILE",
		Short: "save the changes that apply would make, for apply FILE",
		Long: `Plan prints the changes that apply would make, in the form of diff, and saves them
in a plan file for review. 'lvsmark apply FILE' makes exactly these changes, or
none: if the spec, IPVS, the changes, the notes or the warnings differ by then, it
refuses the plan and prints what has changed. It also refuses a file that was
edited. For 'apply --strict FILE' the file records the generation of the nftables
ruleset.

The file is JSON. Its member changed tells whether there are changes; after is the
output of nft and ipvsadm for lvsmark's objects after the apply.

` + noRehearsalHelp + `

Exit status: 0, the plan is written; 2, an error, and no file is written.`,
		Example: `  lvsmark plan -O monday.plan
  lvsmark apply monday.plan
  lvsmark plan -O - | jq .changed`,
		DisableFlagsInUseLine: true,
		Args:                  onlySpec,
		ValidArgsFunction:     cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usageErrorf(cmd, "plan needs an output file: -O FILE")
			}
			spec, digest, err := opts.loadDigest(cmd.Context(), s)
			if err != nil {
				return err
			}
			steps := newProgress(s)
			plan, err := lvsmark.PlanSpec(cmd.Context(), lvsmark.Known(spec), lvsmark.Options{
				NetNS: opts.netns, Adopt: adopt, Saves: true, Progress: steps.step, Unrehearsed: noRehearsal,
			})
			steps.stop()
			if err != nil {
				return err
			}
			saved := plan.Save(digest)
			if out == stdin {
				if _, err := saved.WriteTo(s.out); err != nil {
					return outputError(err)
				}
				return nil
			}
			if err := writePlan(cmd.Context(), out, saved); err != nil {
				return err
			}
			return s.printChanges(opts.output, plan, pending)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "O", "", "write the plan to `FILE`; - is standard output")
	cmd.Flags().BoolVar(&adopt, "adopt", false, "take over IPVS services that use marks of the spec and were not created by lvsmark")
	addNoRehearsal(cmd, &noRehearsal)
	return cmd
}
