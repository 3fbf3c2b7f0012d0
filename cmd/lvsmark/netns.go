package main

import (
	"os"

	"github.com/spf13/cobra"
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
