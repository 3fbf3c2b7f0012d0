package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usage writes the part of a command's help below its description.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	title := "Verbs"
	if cmd.HasParent() {
		title = "Targets"
	}
	writeCommands(&b, title, cmd, (*cobra.Command).IsAvailableCommand)
	if !cmd.IsAdditionalHelpTopicCommand() {
		writeFlags(&b, cmd)
	}
	writeCommands(&b, "Topics of lvsmark help", cmd, (*cobra.Command).IsAdditionalHelpTopicCommand)
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

func writeCommands(b *strings.Builder, title string, cmd *cobra.Command, which func(*cobra.Command) bool) {
	heading := fmt.Sprintf("\n%s:\n", title)
	for _, sub := range cmd.Commands() {
		if which(sub) {
			fmt.Fprintf(b, "%s  %-13s%s\n", heading, sub.Name(), sub.Short)
			heading = ""
		}
	}
}

func writeFlags(b *strings.Builder, cmd *cobra.Command) {
	if flags := cmd.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\nFlags:\n%s", flags.FlagUsages())
	}
	global := cmd.InheritedFlags()
	if !cmd.HasParent() {
		global = cmd.PersistentFlags()
	}
	if global.HasAvailableFlags() {
		fmt.Fprintf(b, "\nFlags of every verb:\n%s", global.FlagUsages())
	}
}
