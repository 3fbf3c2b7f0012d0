package main

import "github.com/spf13/cobra"

// addNoRehearsal adds the flag --no-rehearsal.
func addNoRehearsal(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "no-rehearsal", false, "validate the ruleset as nft -c does, which needs no CAP_SYS_ADMIN")
}

// noRehearsalHelp is a paragraph of the help of each verb with this flag.
const noRehearsalHelp = `It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN for the scratch network namespace
in which the kernel validates the ruleset. With --no-rehearsal, the kernel checks
each object by itself, as for 'nft -c', and CAP_NET_ADMIN is enough. Loops of
chains, and rules that do not fit their hook, are then found at the commit only.`
