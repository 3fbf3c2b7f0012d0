package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newPlan(s streams, opts *options) *cobra.Command {
	var out string
	var adopt bool
	cmd := &cobra.Command{
		Use:   "plan -O FILE",
		Short: "write down what apply would do, for apply FILE",
		Long: `Plan lists what apply would do, as diff does, and writes it to a plan file, for
somebody to read and for 'lvsmark apply FILE' to do: precisely that, or nothing.
The file also says what it was made of: the spec (SHA-256), the generation of the
nftables ruleset, and the state of IPVS (SHA-256). Where any of it has moved since,
apply refuses it and says what moved.

The file is JSON. Its member changed says whether there is anything to do; after
has what nft and ipvsadm will list of lvsmark's.

It needs root: CAP_NET_ADMIN to read the ruleset, CAP_SYS_ADMIN for the scratch
network namespace.

Exit status: 0, the plan is written; 2, an error, and no file is written.`,
		Example: `  lvsmark plan -O monday.plan
  lvsmark apply monday.plan
  lvsmark plan -O - | jq .changed`,
		DisableFlagsInUseLine: true,
		Args:                  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usageErrorf(cmd, "plan needs a file to write to: -O FILE")
			}
			spec, digest, err := opts.loadDigest(s)
			if err != nil {
				return err
			}
			steps := newProgress(s)
			plan, err := lvsmark.Save(cmd.Context(), spec, digest, lvsmark.Options{NetNS: opts.netns, Adopt: adopt, Progress: steps.step})
			steps.stop()
			if err != nil {
				return err
			}
			if out == stdin {
				_, err := plan.WriteTo(s.out)
				return err
			}
			if err := writePlan(out, plan); err != nil {
				return err
			}
			return s.printChanges(opts.output, &lvsmark.Result{Changes: plan.Changes, Notes: plan.Notes, Warnings: plan.Warnings}, pending)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "O", "", "write the plan to `FILE`; - is standard output")
	cmd.Flags().BoolVar(&adopt, "adopt", false, "take over services of the spec's marks that lvsmark did not make")
	return cmd
}
