package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/internal/status"
)

// repeat prints the status until it is interrupted. The first one must be read without an
// error. A later error is printed in place of the status, and the next one follows: the spec
// may be in an editor, and another program may be at work. The last status or error decides
// the exit status; an interrupt while the next one is read is no error.
func (f *statusFlags) repeat(ctx context.Context, s streams, opts *options, read func() (*status.Report, error), write func(*status.Report, bool) error) error {
	var last error
	for first := true; ; first = false {
		report, err := read()
		switch {
		case err != nil && first:
			return err
		case err != nil && ctx.Err() != nil:
			return last
		case err != nil:
			last = err
			err = f.writeError(s, opts, err)
		default:
			last = difference(report)
			err = write(report, first)
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(f.watch) * time.Second):
		case <-ctx.Done():
			return last
		}
	}
}

// writeError prints an error of reading: on a terminal in place of the status, else, and if the
// status is written to a file or as a document, on standard error.
func (f *statusFlags) writeError(s streams, opts *options, err error) error {
	if f.out != "" || opts.output != formatText || !isTerminal(s.out) {
		s.report(err)
		return nil
	}
	var text bytes.Buffer
	streams{err: &text}.report(err)
	return s.print(f.screen(s, text.String(), false))
}

// screen returns the text of one report of --watch: on a terminal, in place of the one before.
func (f *statusFlags) screen(s streams, text string, first bool) string {
	text = fmt.Sprintf("every %ds, at %s\n\n%s", f.watch, time.Now().Format(time.TimeOnly), text)
	switch {
	case isTerminal(s.out):
		return onScreen(text, terminalSize(s.out), first)
	case first:
		return text
	}
	return "\n" + text
}
