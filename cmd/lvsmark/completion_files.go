package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeNoFiles turns off the completion of file names, cobra's default, where a verb or a flag of
// the command or below it takes no file.
func completeNoFiles(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil && !strings.Contains(cmd.Use, "FILE") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		_, completed := cmd.GetFlagCompletionFunc(f.Name)
		if value, _ := pflag.UnquoteUsage(f); value != "FILE" && value != "" && !completed {
			complete(cmd, f.Name, cobra.NoFileCompletions)
		}
	})
	for _, sub := range cmd.Commands() {
		completeNoFiles(sub)
	}
}

// describeFlags makes the descriptions of flags text for completions: pflag puts the name of the
// value in backquotes, and only its own help removes them.
func describeFlags(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	for _, sub := range cmd.Commands() {
		describeFlags(sub)
	}
}

// forCompletion reports whether a completion script runs the program.
func forCompletion(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[0])
}
