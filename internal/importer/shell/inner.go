package shell

import (
	"path"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxInner limits how deep substitutions are in each other.
const maxInner = 8

// substitutions remarks on commands in $(…) and `…` of words that may change rules.
func (s *script) substitutions(words []word, number int) {
	for _, w := range words {
		if w.expands {
			s.inner(w.Text, s.line(number), maxInner)
		}
	}
}

// inner looks for substitutions in a text.
func (s *script) inner(text string, line oldconfig.Line, depth int) {
	for i := 0; i < len(text); i++ {
		if text[i] != '$' && text[i] != '`' {
			continue
		}
		end := i + substitution(text[i:])
		switch found := text[i:min(end, len(text))]; {
		case len(found) < 2 || end > len(text):
			continue
		case strings.HasPrefix(found, "$((") && strings.HasSuffix(found, "))"): // arithmetic
			s.inner(found[1:], line, depth)
		case strings.HasPrefix(found, "${"):
			s.inner(found[1:], line, depth)
		case found[0] == '`':
			s.commands(found[1:len(found)-1], line, depth)
		default:
			s.commands(found[2:len(found)-1], line, depth)
		}
		i = end - 1
	}
}

// commands remarks on commands of a text, such as that of a substitution or of trap, that may
// change rules. It does not run them.
func (s *script) commands(text string, line oldconfig.Line, depth int) {
	if depth == 0 {
		s.rules.NotUnderstood(line, "the line has more than %d substitutions in each other: %s", maxInner, expand)
		return
	}
	remarked := false
	split(text, func(c command) {
		words := innerWords(c.words)
		for _, w := range words {
			if w.expands {
				s.inner(w.Text, line, depth-1)
			}
		}
		if len(words) == 0 || remarked {
			return
		}
		first := words[0]
		if name, _, assigns := strings.Cut(first.Text, "="); assigns && isName(name) {
			return
		}
		program := path.Base(first.Text)
		harmless, _ := isHarmless(program)
		if harmless && !runsText(words) || isQuery(program) && !first.expands {
			return
		}
		s.rules.NotUnderstood(line, "a command substitution or trap of the line runs %s: %s", program, expand)
		remarked = true
	})
}

// innerWords returns the words of a command without keywords and prefixes.
func innerWords(words []word) []word {
	for len(words) > 0 {
		switch words[0].Text {
		case "if", "while", "until", "{", "then", "else", "elif", "do", "!", "time", "fi", "done", "esac", "}":
			words = words[1:]
			continue
		}
		break
	}
	return withoutPrefix(words)
}

// runsText reports whether a harmless program runs a text that it has as an argument.
func runsText(words []word) bool {
	switch path.Base(words[0].Text) {
	case "trap":
		return len(words) > 1
	case "awk":
		for _, w := range words {
			if strings.Contains(w.Text, "system") || strings.Contains(w.Text, "getline") {
				return true
			}
		}
	}
	return false
}

// isQuery reports whether a program is read for its output in a substitution, and changes no
// rules or services.
func isQuery(program string) bool {
	switch program {
	case "basename", "dirname", "readlink", "realpath", "tr", "seq", "nproc", "whoami", "mktemp", "ls", "stat", "getent",
		"host", "dig", "nslookup", "ipcalc", "ps", "uniq", "tac", "ip", "ifconfig", "route", "sysctl", "exit", "return":
		return true
	}
	return false
}

// trap remarks on the commands that the shell runs at a signal or at its end.
func (s *script) trap(words []word, line oldconfig.Line) {
	if len(words) > 1 && words[1].Text != "-" && words[1].Text != "-l" && words[1].Text != "-p" {
		s.commands(words[1].Text, line, maxInner)
	}
}
