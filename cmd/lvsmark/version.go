package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of a release. The linker sets it (integration/run release), as a
// release is built without a checkout's revision, so that its bytes do not depend on it.
var release string

func newVersion(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Long: `Version prints the version of lvsmark, the Go version and platform that it was
built with, and the revision of the source.

Exit status: 0.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return s.printVersion(opts) },
	}
}

func (s streams) printVersion(opts *options) error {
	if opts.output == formatJSON {
		return s.printJSON(build())
	}
	return s.print(version() + "\n")
}

// A buildDocument is the JSON output of version.
type buildDocument struct {
	Version  int    `json:"version"` // documentVersion
	LVSMark  string `json:"lvsmark"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Revision string `json:"revision,omitempty"` // of the checkout; empty if built without one
	Modified bool   `json:"modified,omitempty"` // the checkout had uncommitted changes
}

func build() buildDocument {
	document := buildDocument{
		Version: documentVersion, LVSMark: "unknown",
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return document
	}
	document.LVSMark = cmp.Or(release, info.Main.Version)
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			document.Revision = setting.Value
		case "vcs.modified":
			document.Modified = setting.Value == "true"
		}
	}
	return document
}

func version() string {
	b := build()
	text := fmt.Sprintf("lvsmark %s %s %s", b.LVSMark, b.Go, b.Platform)
	if b.Revision != "" {
		text += " " + b.Revision
	}
	if b.Modified {
		text += " (modified)"
	}
	return text
}
