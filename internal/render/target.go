// Package render defines a target of `lvsmark render`: a program, and what the
// spec means for it. Each target has a package below this one, and package
// targets lists them.
package render

import "github.com/lvsmark/lvsmark/config"

// A Target renders the spec for one program. It needs no kernel and no
// privileges.
type Target struct {
	Name    string // subcommand, and "target" of the JSON document
	Summary string // one line of `lvsmark render --help`
	Long    string // help of the subcommand; the command line adds the exit status
	Example string // commands, each indented by two spaces

	// TakesCluster tells that Render reads Options.Cluster.
	TakesCluster bool

	// Render returns the text. A spec that has nothing for the target is an
	// error.
	Render func(*config.Spec, Options) (string, error)
}

// Options select the part of the spec to render. The zero value selects all.
type Options struct {
	Cluster string // name of an FTP cluster
}
