package main

import (
	"os"

	"github.com/spf13/cobra"
)

// namedNetNS is where ip-netns(8) keeps the network namespaces that have names.
const namedNetNS = "/run/netns"

func completeNetNS(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, err := os.ReadDir(namedNetNS)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault // a path may do
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, cobra.ShellCompDirectiveDefault
}
