package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

func newDiff(s streams, opts *options) *cobra.Command {
	var noRehearsal bool
	var peer, out string
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "compare the spec with the kernel",
		Long: `Diff prints the changes that apply would make in nftables, IPVS, sysctls and
addresses, grouped by the object that contains them: + is added, - is deleted, ~
is edited in place. The kernel validates the ruleset in a scratch network
namespace; diff changes nothing else.

The line below a change is its effect on the live traffic at this moment:

  drains   connections continue; new ones do not arrive, or go elsewhere
  cuts N   N connections end

A change without such a line is safe: connections continue, and new ones are
served. The last line is a summary.

Warnings on standard error name rules of other programs that set the mark of a
cluster's packets, or take these packets before they reach IPVS.

On a terminal the output is coloured, unless NO_COLOR is set or TERM is dumb.

` + noRehearsalHelp + `

With --peer FILE, diff compares the spec with that of the other director of a pair
instead, without the kernel and without privileges: marks, services, VIPs and ports,
and the keys of director for the pair. Each line says what breaks when one director
takes over. FILE may also be a plan file of 'lvsmark plan' on the other director: then
marks, translations and IPVS services are compared.

Exit status: 0, no difference; 1, a difference; 2, an error.`,
		Example: `  lvsmark diff
  lvsmark diff --netns director
  lvsmark diff --peer other.yaml
  lvsmark diff -o json | jq '.changes[] | select(.op == "delete")'`,
		Args: onlySpec,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("peer") {
				return comparePeer(cmd.Context(), s, opts, peer, out)
			}
			plan, err := lvsmark.PlanSpec(cmd.Context(), opts.source(cmd.Context(), s), lvsmark.Options{NetNS: opts.netns, Unrehearsed: noRehearsal})
			if err != nil {
				return err
			}
			err = s.toFile(cmd.Context(), out, "the differences", func(to streams) error { return to.printChanges(opts.output, plan, pending) })
			if err != nil {
				return err
			}
			if len(plan.Changes()) > 0 {
				return errDifference
			}
			return nil
		},
	}
	addOut(cmd, &out)
	addNoRehearsal(cmd, &noRehearsal)
	cmd.Flags().StringVar(&peer, "peer", "", "compare with the spec or plan `FILE` of the other director instead; - is standard input")
	_ = cmd.MarkFlagFilename("peer")
	return cmd
}
