package main

import (
	"path/filepath"
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
	var probeOptions string
	cmd := &cobra.Command{
		Use:     target.Name,
		Short:   target.Summary,
		Long:    target.Long + renderStatus,
		Example: target.Example,
		Args:    onlySpec,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := selectProbe(cmd, opts, &selected, probeOptions); err != nil {
				return err
			}
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
		cmd.Flags().StringVar(&probeOptions, probeOptionsFlag, "", "`FLAGS` of lvsmark probe server in the checks of --check ftp")
	}
	return cmd
}

// selectProbe sets what a command in the text needs: the path of the spec, which has the
// default path if it comes from standard input, and the flags of lvsmark probe server.
func selectProbe(cmd *cobra.Command, opts *options, selected *render.Options, flags string) (err error) {
	if opts.file != stdin {
		if selected.SpecFile, err = filepath.Abs(opts.file); err != nil {
			return err
		}
	}
	selected.ProbeFlags = strings.Fields(flags)
	var parsed probeFlags
	other := &cobra.Command{}
	parsed.add(other)
	if err := other.ParseFlags(selected.ProbeFlags); err != nil {
		return usageErrorf(cmd, "--probe-options: %w", err)
	}
	if other.Flags().NArg() > 0 {
		return usageErrorf(cmd, "--probe-options: %q is not a flag", other.Flags().Arg(0))
	}
	selected.ProbeTimeout = parsed.timeout
	return parsed.check(cmd)
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
