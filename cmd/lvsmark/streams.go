package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/lvsmark/lvsmark/internal/printable"
)

// The rules of what lvsmark writes:
//
//   - Standard output has the result and nothing else, so that it can be piped.
//   - Standard error has errors, notes, warnings and progress. Each line begins
//     with "lvsmark: ", or with a position in the spec.
//   - Lower case, no full stop; a hint is a line of its own.

// streams are the standard streams of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// print writes a result. A failed write is an error: an empty file on a full disk
// must not look like an empty diff.
func (s streams) print(text string) error {
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// printJSON writes a document, one line for each member.
func (s streams) printJSON(document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return s.print(printable.JSON(text) + "\n")
}

// afterChanges handles the error of printing the result of changes that are made: it
// becomes a message, because the exit status tells what the kernel contains.
func (s streams) afterChanges(err error) error {
	if err != nil {
		s.printErr("lvsmark: %v; the changes are made", err)
	}
	return nil
}

// printErr writes a line to standard error. It ignores a failed write: there is
// no other place to report it.
func (s streams) printErr(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format+"\n", args...)
}
