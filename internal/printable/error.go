package printable

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// Error returns the text of an error, one line for each cause. Names of files and programs in
// errors of the operating system, and the given words, are as Line has them; the rest is as
// Lines has it.
func Error(err error, words ...string) string {
	text := err.Error()
	for _, name := range append(namesIn(err), words...) {
		if strings.Contains(name, "\n") {
			text = strings.ReplaceAll(text, name, Line(name))
		}
	}
	return Lines(text)
}

// namesIn returns the names of files and programs of an error and of its causes.
func namesIn(err error) (names []string) {
	switch e := err.(type) {
	case *fs.PathError:
		names = []string{e.Path}
	case *os.LinkError:
		names = []string{e.Old, e.New}
	case *exec.Error:
		names = []string{e.Name}
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			names = append(names, namesIn(cause)...)
		}
	default:
		if cause := errors.Unwrap(err); cause != nil {
			names = append(names, namesIn(cause)...)
		}
	}
	return names
}
