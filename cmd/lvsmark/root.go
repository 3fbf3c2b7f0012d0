package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lvsmark/lvsmark/config"
)

// options are the flags that every verb has.
type options struct {
	file   string
	netns  string
	output format
}

// newRoot builds the whole command line.
func newRoot(s streams) *cobra.Command {
	opts := &options{output: formatText}
	root := &cobra.Command{
		Use:   "lvsmark VERB",
		Short: "mark, bind and translate the FTP of a Linux Virtual Server",
		Long: `One file describes the clusters of a director: their VIPs, ports, fwmarks and
real servers. lvsmark makes the kernel match it: nftables gives every packet of
a cluster, FTP data connections included, the cluster's fwmark; IPVS schedules
by that mark; the active data connections of FTP get the source that clients
expect. It shows beforehand what would change, and touches nothing else.`,
		Example: `  lvsmark check
  lvsmark diff
  lvsmark apply
  lvsmark -c ftp.yaml render nft`,
		Version:               version(),
		DisableFlagsInUseLine: true,
		DisableAutoGenTag:     true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args:                  verbOf("verb"),
		RunE:                  func(*cobra.Command, []string) error { return nil },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpCommand(newHelp())
	root.CompletionOptions.DisableDefaultCmd = true

	addOptions(root, opts)
	root.AddCommand(
		newCheck(s, opts), newRender(s, opts), newDiff(s, opts), newPlan(s, opts), newApply(s, opts), newConfirm(s, opts), newDelete(s, opts),
		newCompletion(), newVersion(s, opts), newMan(), newGuard(s, opts),
	)
	root.AddCommand(topics()...)
	return root
}

func addOptions(root *cobra.Command, opts *options) {
	flags := root.PersistentFlags()
	flags.StringVarP(&opts.file, "config", "c", config.DefaultFile, "the spec is in `FILE`; - is standard input")
	flags.StringVar(&opts.netns, "netns", "", "work in the network namespace `NAME` of ip-netns(8), or of that path")
	flags.VarP(&opts.output, "output", "o", "`FORMAT` of standard output: text or json")
	flags.BoolP("help", "h", false, "help for this verb")
	root.Flags().Bool("version", false, "print the version")

	complete(root, "config", cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt))
	complete(root, "netns", completeNetNS)
	complete(root, "output", cobra.FixedCompletions([]string{string(formatText), string(formatJSON)}, cobra.ShellCompDirectiveNoFileComp))
}

// A format is that of standard output.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

var _ pflag.Value = (*format)(nil)

func (f *format) String() string { return string(*f) }

// Set takes what the operator gave on the command line.
func (f *format) Set(value string) error {
	if formats := []format{formatText, formatJSON}; !slices.Contains(formats, format(value)) {
		return fmt.Errorf("must be text or json")
	}
	*f = format(value)
	return nil
}

// Type is the value's placeholder in help.
func (f *format) Type() string { return "format" }

// noArgs is for verbs that take nothing but flags.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageErrorf(cmd, "%s takes no argument: %q", cmd.Name(), args[0])
}

// verbOf is for a command that only its subcommands can run: arguments mean
// that there is none of that name.
func verbOf(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageErrorf(cmd, "no %s given: it is one of %s", kind, strings.Join(verbs(cmd), ", "))
		}
		return unknown(cmd, kind, args[0], verbs(cmd))
	}
}

// unknown names what the operator may have meant, or all that there is.
func unknown(cmd *cobra.Command, kind, name string, known []string) error {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usageErrorf(cmd, "unknown %s %q: did you mean %s?", kind, name, strings.Join(near, " or "))
	}
	return usageErrorf(cmd, "unknown %s %q: it is one of %s", kind, name, strings.Join(known, ", "))
}

// verbs are the names of the subcommands that do something.
func verbs(cmd *cobra.Command) []string {
	return names(cmd, (*cobra.Command).IsAvailableCommand)
}

func names(cmd *cobra.Command, which func(*cobra.Command) bool) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if which(sub) {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError makes a mistake in the flags one of usage. A verb that does not
// exist is the better thing to name: its flags cannot be known.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(args) > 0 {
		return cmd.ValidateArgs(args)
	}
	return usageErrorf(cmd, "%w", err)
}

func usageErrorf(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...).Error(), fmt.Sprintf("see '%s --help'", cmd.CommandPath())}
}

func complete(cmd *cobra.Command, flag string, with cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // no such flag: a mistake in this program
	}
}
