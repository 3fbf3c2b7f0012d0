package main

import (
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
)

// The name of standard input on the command line, and in messages.
const (
	stdin     = "-"
	stdinName = "<stdin>"
)

// open opens a file that the command line names; - is standard input.
func (s streams) open(name string) (io.ReadCloser, error) {
	if name == stdin {
		return io.NopCloser(s.in), nil
	}
	return os.Open(name)
}

// inputName returns the name of a file of the command line in messages.
func inputName(name string) string {
	if name == stdin {
		return stdinName
	}
	return name
}

// oneStdin refuses a command line that has - for more than one file: the second one would be
// empty.
func oneStdin(cmd *cobra.Command, args []string) error {
	names := slices.Clone(args)
	for _, flag := range []string{"config", "peer", "password-file", "ca-file"} {
		if f := cmd.Flags().Lookup(flag); f != nil {
			names = append(names, f.Value.String())
		}
	}
	if first := slices.Index(names, stdin); first >= 0 && slices.Contains(names[first+1:], stdin) {
		return usageErrorf(cmd, "standard input (-) can be only one file: name a file for the other")
	}
	return nil
}
