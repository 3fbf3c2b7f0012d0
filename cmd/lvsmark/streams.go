package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// The rules of what lvsmark writes:
//
//   - Standard output has the result and nothing else; it can be piped on.
//   - Standard error has what the operator should know besides: errors, notes,
//     progress. Each line begins with "lvsmark: ", or with the place in the
//     spec that it is about.
//   - Lower case, no full stop; a hint stands on its own line.

// streams are those of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// print writes a result. That it cannot be written is an error like any other:
// a full disk must not pass for an empty diff.
func (s streams) print(text string) error {
	if _, err := io.WriteString(s.out, text); err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	return nil
}

// printJSON writes a document, with a line for each member.
func (s streams) printJSON(document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the output: %w", err)
	}
	return s.print(string(text) + "\n")
}

// say writes a line to standard error. If that fails, nobody is left to be told.
func (s streams) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format+"\n", args...)
}
