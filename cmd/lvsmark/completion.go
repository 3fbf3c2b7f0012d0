package main

import (
	"github.com/spf13/cobra"
)

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|fish|zsh",
		Short: "print the completion script for a shell",
		Long: `Completion prints a shell script that completes lvsmark's verbs, flags, network
namespaces, and the names of clusters and real servers in the spec.

Exit status: 0, printed; 2, unknown shell.`,
		Example: `  lvsmark completion bash > /etc/bash_completion.d/lvsmark
  lvsmark completion fish > /etc/fish/completions/lvsmark.fish
  lvsmark completion zsh > /usr/share/zsh/vendor-completions/_lvsmark`,
		DisableFlagsInUseLine: true,
		ValidArgs:             []string{"bash", "fish", "zsh"},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || cobra.OnlyValidArgs(cmd, args) != nil {
				return usageErrorf(cmd, "completion needs one shell: bash, fish or zsh")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "fish":
				return root.GenFishCompletion(out, true)
			default:
				return root.GenZshCompletion(out)
			}
		},
	}
}
