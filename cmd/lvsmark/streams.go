package main

import (
	"bytes"
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
		return outputError(err)
	}
	return nil
}

func outputError(err error) error { return fmt.Errorf("writing the output: %w", err) }

// printJSON writes a document, one line for each member.
func (s streams) printJSON(document any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // people read commands in it, such as "render systemd > FILE"
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return s.print(printable.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) + "\n")
}

// afterChanges handles the error of printing a result when the changes, if there are any,
// are made: it becomes a message, because the exit status tells what the kernel contains.
func (s streams) afterChanges(err error, changed bool) error {
	switch {
	case err != nil && changed:
		s.printErr("lvsmark: %v; the changes are made", err)
	case err != nil:
		s.printErr("lvsmark: %v; there was nothing to do", err)
	}
	return nil
}

// printErr writes a line to standard error. It ignores a failed write: there is
// no other place to report it.
func (s streams) printErr(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format+"\n", args...)
}
