package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan returns the hidden verb that packages use to build man pages.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the man pages into a directory",
		Long:   `Man writes a man page of section 8 for each verb. SOURCE_DATE_EPOCH sets their date.`,
		Hidden: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf(cmd, "man needs one directory")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Section: "8", Manual: "System Administration", Source: "lvsmark"}, args[0])
		},
	}
}
