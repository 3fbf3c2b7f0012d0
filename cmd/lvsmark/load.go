package main

import "github.com/lvsmark/lvsmark/config"

// What -c takes for standard input, and what messages call it.
const (
	stdin     = "-"
	stdinName = "<stdin>"
)

// load reads the spec that the flags name.
func (o *options) load(s streams) (*config.Spec, []config.Note, error) {
	if o.file == stdin {
		return config.Parse(o.fileName(), s.in)
	}
	return config.Load(o.file)
}

func (o *options) fileName() string {
	if o.file == stdin {
		return stdinName
	}
	return o.file
}
