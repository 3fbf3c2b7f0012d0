package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// namedNetNS is the directory of named network namespaces, ip-netns(8).
const namedNetNS = "/run/netns"

func completeNetNS(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, err := os.ReadDir(namedNetNS)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault // the value may be a path
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, cobra.ShellCompDirectiveDefault
}

// A netnsValue is the value of --netns.
type netnsValue struct{ name *string }

var _ pflag.Value = netnsValue{}

func (n netnsValue) String() string {
	if n.name == nil { // pflag asks for the zero value
		return ""
	}
	return *n.name
}

// Set refuses an empty name: a script whose variable is not set would change the host.
func (n netnsValue) Set(name string) error {
	if name == "" {
		return errors.New("is empty; name a network namespace, or leave --netns out for the one of this process")
	}
	*n.name = name
	return nil
}

// Type is the placeholder of the value in help.
func (netnsValue) Type() string { return "name" }
