package main

import (
	"errors"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// The exit statuses of every verb.
const (
	statusDone       = 0
	statusDifference = 1
	statusError      = 2
)

// errDifference is what diff returns when it found one. It is no failure, and
// nothing is said about it.
var errDifference = errors.New("the kernel differs from the spec")

// A usageError is a command line that makes no sense. The hint says where to
// read on.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// report tells the operator about err, a line for each cause, and returns the
// exit status.
func (s streams) report(err error) int {
	switch {
	case err == nil:
		return statusDone
	case errors.Is(err, errDifference):
		return statusDifference
	}
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		for _, mistake := range mistakes {
			s.say("%s", mistake)
		}
		return statusError
	}
	for line := range strings.Lines(err.Error()) {
		s.say("lvsmark: %s", strings.TrimSuffix(line, "\n"))
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		s.say("lvsmark: %s", usage.hint)
	}
	return statusError
}
