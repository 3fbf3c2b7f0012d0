package main

import (
	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/internal/manual"
)

func newSchema(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of the spec, for editors",
		Long: `Schema prints a JSON Schema (draft 2020-12) of the spec. An editor with a YAML
language server completes keys by it, shows their meaning, and underlines unknown
keys, missing keys and values out of range. 'lvsmark check' finds more: what
depends on several keys, such as ports that two clusters mark.

An editor takes the schema from a line at the top of the spec:

  # yaml-language-server: $schema=/usr/share/lvsmark/lvsmark.schema.json

Exit status: 0.`,
		Example: `  lvsmark schema > lvsmark.schema.json`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := manual.Schema()
			if err != nil {
				return err
			}
			return s.print(string(text) + "\n")
		},
	}
}
