// Package render defines the targets of `lvsmark render`: programs for which lvsmark
// writes the configuration. Each target is a package below this one, and package targets
// lists them.
package render

import (
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A Target renders the spec for one program. It needs no kernel and no privileges.
type Target struct {
	Name    string // subcommand, and "target" of the JSON document
	Summary string // one line of `lvsmark render --help`
	Long    string // help of the subcommand; the command line adds the exit status
	Example string // commands, each indented by two spaces

	// TakesCluster reports that Render uses Options.Cluster and Options.Server.
	TakesCluster bool

	// Checks are the valid values of Options.Check; nil: Render does not use it.
	Checks []string

	// Render returns the text. It is an error if the spec has nothing for the target.
	Render func(*config.Spec, Options) (string, error)
}

// Options select a part of the spec. The zero value selects all.
type Options struct {
	Cluster string // name of an FTP cluster
	Server  string // name or address of a real server
	Check   string // how the program checks real servers; empty: it does not

	SpecFile     string        // absolute path for commands in the text; empty: config.DefaultFile
	ProbeFlags   []string      // of `lvsmark probe server` in checks
	ProbeTimeout time.Duration // of ProbeFlags; 0: ten seconds
}
