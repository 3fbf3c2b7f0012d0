package main

import "github.com/spf13/cobra"

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB | TOPIC]",
		Short: "print the help of a verb or a topic",
		Long: `Help prints the help of a verb or a topic.

Exit status: 0, printed; 2, unknown verb or topic.`,
		DisableFlagsInUseLine: true,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			about := find(cmd.Root(), args)
			if about == nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return documented(about), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			for _, name := range args {
				parent := about
				if about = find(parent, []string{name}); about == nil {
					return unknown(parent, "verb or topic", name, documented(parent))
				}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// documented returns the names of the verbs and topics below cmd.
func documented(cmd *cobra.Command) []string {
	return append(verbs(cmd), names(cmd, (*cobra.Command).IsAdditionalHelpTopicCommand)...)
}

// find returns the command at the path of names, or nil.
func find(from *cobra.Command, names []string) *cobra.Command {
	for _, name := range names {
		var next *cobra.Command
		for _, sub := range from.Commands() {
			if sub.Name() == name {
				next = sub
			}
		}
		if next == nil {
			return nil
		}
		from = next
	}
	return from
}
