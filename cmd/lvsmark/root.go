package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lvsmark/lvsmark/config"
)

// options are the flags of every verb.
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
		Short: "fwmarks and IPVS services of FTP clusters, from one file",
		Long: `One file, the spec, describes the clusters of a Linux Virtual Server director:
VIPs, ports, fwmarks and real servers. lvsmark makes the kernel match the spec:
nftables sets the fwmark of a cluster on all its packets, FTP data connections
included; IPVS schedules by the fwmark; active FTP data connections get the source
address that clients expect. lvsmark shows changes before it makes them, and
changes no objects of other programs.`,
		Example: `  lvsmark check
  lvsmark diff
  lvsmark apply
  lvsmark -c ftp.yaml render nft`,
		DisableFlagsInUseLine: true,
		DisableAutoGenTag:     true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		Args: func(cmd *cobra.Command, args []string) error {
			if wanted, err := cmd.Flags().GetBool("version"); wanted || err != nil {
				return noArgs(cmd, args)
			}
			return subcommandOf("verb")(cmd, args)
		},
		RunE: func(*cobra.Command, []string) error { return s.printVersion(opts) },
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if opts.output == formatOpenMetrics && cmd.Name() != "status" {
				return usageErrorf(cmd, "-o openmetrics is a format of status only: use text or json")
			}
			if err := noEmptyFlags(cmd); err != nil {
				return err
			}
			return oneStdin(cmd, args)
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp())
	root.CompletionOptions.DisableDefaultCmd = true

	addOptions(root, opts)
	root.AddCommand(
		newCheck(s, opts), newRender(s, opts), newDiff(s, opts), newPlan(s, opts), newApply(s, opts), newConfirm(s, opts), newDelete(s, opts),
		newVerify(s, opts), newExplain(s, opts), newImport(s, opts), newDoctor(s, opts), newProbe(s, opts),
		newStatus(s, opts), newDrain(s, opts),
		newSchema(s), newCompletion(), newVersion(s, opts), newMan(), newGuard(s, opts),
	)
	root.AddCommand(topics()...)
	return root
}

func addOptions(root *cobra.Command, opts *options) {
	flags := root.PersistentFlags()
	flags.StringVarP(&opts.file, "config", "c", config.DefaultFile, "read the spec from `FILE`; - is standard input")
	flags.Var(netnsValue{&opts.netns}, "netns", "use the network namespace `NAME` of ip-netns(8), or the one at this path")
	flags.VarP(&opts.output, "output", "o", "output `FORMAT`: text or json")
	flags.BoolP("help", "h", false, "help for this verb")
	// cobra's own flag needs text/template for this output. That calls methods by name, so the
	// linker would keep all exported methods: 2 MB.
	root.Flags().Bool("version", false, "print the version")

	complete(root, "config", cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt))
	complete(root, "netns", completeNetNS)
	complete(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		formats := []string{string(formatText), string(formatJSON)}
		if cmd.Name() == "status" {
			formats = append(formats, string(formatOpenMetrics))
		}
		return formats, cobra.ShellCompDirectiveNoFileComp
	})
}

// A format is the format of standard output.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"

	formatOpenMetrics format = "openmetrics" // of status only
)

var _ pflag.Value = (*format)(nil)

func (f *format) String() string { return string(*f) }

// Set parses the value of the flag.
func (f *format) Set(value string) error {
	if formats := []format{formatText, formatJSON, formatOpenMetrics}; !slices.Contains(formats, format(value)) {
		return fmt.Errorf("must be text or json")
	}
	*f = format(value)
	return nil
}

// Type is the placeholder of the value in help.
func (f *format) Type() string { return "format" }

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageErrorf(cmd, "%s takes no argument: %q", cmd.Name(), args[0])
}

// onlySpec is noArgs of verbs that read the spec.
func onlySpec(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(args[0])) {
		return usageErrorf(cmd, "%s takes no argument: %q; a spec is named with -c", cmd.Name(), args[0])
	}
	return noArgs(cmd, args)
}

// subcommandOf refuses a command without a subcommand, and names the unknown
// subcommand if there are arguments.
func subcommandOf(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageErrorf(cmd, "no %s given: use one of %s", kind, strings.Join(verbs(cmd), ", "))
		}
		return unknown(cmd, kind, args[0], verbs(cmd))
	}
}

// unknown returns an error with similar names, or with all known ones.
func unknown(cmd *cobra.Command, kind, name string, known []string) error {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usageErrorf(cmd, "unknown %s %q: did you mean %s?", kind, name, strings.Join(near, " or "))
	}
	return usageErrorf(cmd, "unknown %s %q: use one of %s", kind, name, strings.Join(known, ", "))
}

// verbs returns the names of the subcommands, without help topics.
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

// flagError returns a usageError for a mistake in the flags. If the verb is unknown,
// it names the verb: the flags of an unknown verb are unknown too.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); cmd.HasAvailableSubCommands() && len(args) > 0 {
		return cmd.ValidateArgs(args)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if must := mustBe(invalid.GetFlag()); must != "" {
			return usageErrorf(cmd, "invalid argument %q for --%s: must be %s", invalid.GetValue(), invalid.GetFlag().Name, must)
		}
	}
	return usageErrorf(cmd, "%w", err)
}

// mustBe describes the values of a flag whose type is one of pflag, which reports the errors
// of Go's parsers.
func mustBe(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "duration":
		return "a time such as 90s, 5m or 1h30m"
	case "uint":
		return "a number of seconds"
	}
	return ""
}

func usageErrorf(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...).Error(), fmt.Sprintf("see '%s --help'", cmd.CommandPath())}
}

func complete(cmd *cobra.Command, flag string, with cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // unknown flag: a programming error
	}
}

// completeList completes the last word of a flag that takes words separated by commas, with those
// that are not in it yet.
func completeList(cmd *cobra.Command, flag string, words func() []string) {
	complete(cmd, flag, func(_ *cobra.Command, _ []string, typed string) (list []string, _ cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		for _, word := range words() {
			if !slices.Contains(strings.Split(before, ","), word) {
				list = append(list, before+word)
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	})
}
