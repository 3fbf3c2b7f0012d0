package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// A failOn is the effect on live traffic that the operator does not accept. The zero
// value accepts all.
type failOn struct{ effect impact.Effect }

var _ pflag.Value = (*failOn)(nil)

func (f *failOn) String() string { return string(f.effect) }

// Set parses the value of the flag.
func (f *failOn) Set(value string) error {
	switch effect := impact.Effect(value); effect {
	case impact.Cuts, impact.Drains:
		f.effect = effect
		return nil
	}
	return fmt.Errorf("must be cuts or drains")
}

// Type is the placeholder of the value in help.
func (f *failOn) Type() string { return "effect" }

func (f *failOn) add(cmd *cobra.Command) {
	cmd.Flags().Var(f, "fail-on", "refuse changes with this `EFFECT` on live traffic: cuts, or drains (includes cuts)")
	complete(cmd, "fail-on", cobra.FixedCompletions([]string{
		string(impact.Cuts) + "\tconnections end", string(impact.Drains) + "\talso new connections turned away",
	}, cobra.ShellCompDirectiveNoFileComp))
}
