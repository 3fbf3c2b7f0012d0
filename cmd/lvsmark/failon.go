package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lvsmark/lvsmark"
)

// A failOn is what the operator does not want to happen to live traffic; the
// zero value is nothing.
type failOn struct{ effect lvsmark.Effect }

var _ pflag.Value = (*failOn)(nil)

func (f *failOn) String() string { return string(f.effect) }

// Set takes what the operator gave on the command line.
func (f *failOn) Set(value string) error {
	switch effect := lvsmark.Effect(value); effect {
	case lvsmark.Cuts, lvsmark.Drains:
		f.effect = effect
		return nil
	}
	return fmt.Errorf("must be cuts or drains")
}

// Type is the value's placeholder in help.
func (f *failOn) Type() string { return "effect" }

func (f *failOn) add(cmd *cobra.Command) {
	cmd.Flags().Var(f, "fail-on", "refuse changes with that `EFFECT` on live traffic: cuts, or drains, which includes cuts")
	complete(cmd, "fail-on", cobra.FixedCompletions([]string{
		string(lvsmark.Cuts) + "\tconnections end", string(lvsmark.Drains) + "\tand also where new ones come no longer",
	}, cobra.ShellCompDirectiveNoFileComp))
}
