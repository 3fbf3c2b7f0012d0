package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// The exit statuses of every verb.
const (
	statusDone       = 0
	statusDifference = 1
	statusError      = 2
)

// errDifference makes diff exit with statusDifference. It is not a failure, and
// report prints nothing for it.
var errDifference = errors.New("the kernel differs from the spec")

// errFindings makes import exit with statusDifference.
var errFindings = fmt.Errorf("there are findings: %w", errDifference)

// A usageError is an invalid command line. The hint names the help to read.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// report prints err, one line for each cause, and returns the exit status. The words of the command
// line may be names with line breaks.
func (s streams) report(err error, words ...string) int {
	switch {
	case err == nil:
		return statusDone
	case errors.Is(err, errDifference):
		return statusDifference
	}
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		for _, mistake := range mistakes {
			s.printErr("%s", printable.Line(mistake.Error()))
		}
		return statusError
	}
	for line := range strings.Lines(printable.Error(err, words...)) {
		line = strings.TrimSuffix(line, "\n")
		if _, err := fmt.Fprintf(s.err, "lvsmark: %s\n", line); err != nil {
			logSystem(line) // the terminal is closed
		}
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		s.printErr("lvsmark: %s", usage.hint)
	}
	return statusError
}
