package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/targets"
)

// renderStatus is the end of the help of render and of each target.
const renderStatus = `

It needs no privileges and does not access the kernel.

Exit status: 0, printed; 2, the spec is invalid, or has nothing for the target.`

func newRender(s streams, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render TARGET",
		Short: "print the spec as configuration of another program",
		Long:  `Render prints the spec as configuration or commands of another program.` + renderStatus,
		Example: `  lvsmark render nft
  lvsmark -c ftp.yaml render vsftpd --cluster ftp`,
		DisableFlagsInUseLine: true,
		Args:                  subcommandOf("target"),
		RunE:                  func(*cobra.Command, []string) error { return nil },
	}
	for _, target := range targets.All() {
		cmd.AddCommand(newRenderTarget(s, opts, target))
	}
	return cmd
}

func newRenderTarget(s streams, opts *options, target render.Target) *cobra.Command {
	var selected render.Options
	cmd := &cobra.Command{
		Use:     target.Name,
		Short:   target.Summary,
		Long:    target.Long + renderStatus,
		Example: target.Example,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, _, err := opts.load(cmd.Context(), s)
			if err != nil {
				return err
			}
			text, err := target.Render(spec, selected)
			if err != nil {
				return err
			}
			if opts.output == formatJSON {
				return s.printJSON(renderDocument{documentVersion, target.Name, text})
			}
			return s.print(text)
		},
	}
	if target.TakesCluster {
		cmd.Flags().StringVar(&selected.Cluster, "cluster", "", "only the FTP cluster `NAME` (default all)")
		completeFromSpec(s, opts, cmd, "cluster", render.FTPNames)
		cmd.Flags().StringVar(&selected.Server, "server", "", "only for the real server `NAME`, a name or an address (default all)")
		completeFromSpec(s, opts, cmd, "server", render.FTPServers)
	}
	if target.Checks != nil {
		cmd.Flags().StringVar(&selected.Check, "check", "", "add health checks of this `KIND`: "+strings.Join(target.Checks, ", ")+" (default none)")
		complete(cmd, "check", cobra.FixedCompletions(target.Checks, cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

// completeFromSpec completes a flag with names of the spec.
func completeFromSpec(s streams, opts *options, cmd *cobra.Command, flag string, names func(*config.Spec) []string) {
	complete(cmd, flag, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		spec, _, err := opts.load(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(spec), cobra.ShellCompDirectiveNoFileComp
	})
}
