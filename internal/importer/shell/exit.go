package shell

import (
	"path"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A possibleEnd is a command that ends the script, if the shell runs it or if it fails.
type possibleEnd struct {
	line   oldconfig.Line
	reason string
}

// exit follows exit, return, and a program that exec has put in place of the shell. What
// bash -x prints has commands that have run: an exit there may be of a subshell, and a return
// of a function.
func (s *script) exit(c command, name string) {
	conditional := len(s.blocks) > 0 || (c.operator == "&&" || c.operator == "||") && s.status == unknown
	switch {
	case c.traced || s.block().subshell || c.operator == "|" || c.after == "|":
	case name == "return":
		s.mayEnd(c, "return ends a script only if another script reads it")
	case conditional:
		s.mayEnd(c, "it is not known whether "+name+" ends the script here")
	default:
		s.ended, s.end = true, s.line(c.number)
	}
}

// tellUnread remarks that commands follow the end of the script.
func (s *script) tellUnread(c command) {
	if len(c.words) > 0 && s.end.Number > 0 {
		s.rules.Finding(s.end, "the script ends here: the lines below are not read")
		s.end = oldconfig.Line{}
	}
}

func isExit(program string) bool { return program == "exit" || program == "return" }

// mayEnd records a possible end. It matters only if the script has commands below.
func (s *script) mayEnd(c command, reason string) {
	s.ends = append(s.ends, possibleEnd{s.line(c.number), reason})
}

// tellEnds remarks on the possible ends ahead of a command that changes what lvsmark compares.
func (s *script) tellEnds(c command) {
	program := path.Base(c.words[0].Text)
	harmless, _ := isHarmless(program)
	name, _, assigns := strings.Cut(c.words[0].Text, "=")
	if (harmless || assigns && isName(name)) && !strings.HasPrefix(c.output, "/proc/sys/") || isExit(program) {
		return
	}
	for _, e := range s.ends {
		s.rules.NotUnderstood(e.line, "%s: delete the line if it does not, or %s", e.reason, expand)
	}
	s.ends = nil
}

// afterFailure follows what ends a script without exit: set -e at a command that fails, and
// ${NAME:?} without a value. lvsmark has added no remark on the command if it has lost remarks.
func (s *script) afterFailure(c command, lost int) {
	if c.traced || s.rules.Lost() != lost || s.block().subshell {
		return
	}
	if slices.ContainsFunc(c.words, requiresValue) {
		s.mayEnd(c, "it is not known whether a variable has no value, which ends the script here")
	}
	tested := s.negate || s.block().condition || s.block().tested || c.after == "&&" || c.after == "||" || c.after == "|"
	if tested || !s.exits || isExit(path.Base(c.words[0].Text)) {
		return
	}
	switch {
	case s.status == failure && len(s.blocks) == 0:
		s.rules.NotUnderstood(s.line(c.number), "set -e ends the script here if the command fails, as it does on a host without rules: %s", expand)
	case s.status == unknown:
		s.mayEnd(c, "it is not known whether the command fails, at which set -e ends the script")
	}
}

// requiresValue reports whether a word has ${NAME:?MESSAGE} or ${NAME?MESSAGE}.
func requiresValue(w word) bool {
	for text := w.Text; w.expands; {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return false
		}
		name := strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
		if strings.HasPrefix(strings.TrimPrefix(name, ":"), "?") {
			return true
		}
		text = rest
	}
	return false
}
