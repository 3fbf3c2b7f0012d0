package shell

import (
	"path"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/sysctlconf"
)

// settings reads kernel parameters that a command sets: sysctl NAME=VALUE, and echo with a
// file below /proc/sys.
func (s *script) settings(c command) {
	line := s.line(c.number)
	if reason := s.refusal(c); reason != "" {
		if setsIPVS(c) {
			s.rules.NotUnderstood(line, "%s: %s", reason, expand)
		}
		return
	}
	switch path.Base(c.words[0].Text) {
	case "set":
		var words []string
		for _, w := range c.words[1:] {
			words = append(words, w.Text)
		}
		s.exits = (s.exits || setsExit(words)) && !slices.Contains(words, "+e")
	case "sysctl":
		for _, w := range c.words[1:] {
			if name, value, found := strings.Cut(w.Text, "="); found {
				sysctlconf.Set(&s.parameters, name, value, line)
			}
		}
	case "echo", "printf":
		if strings.HasPrefix(c.output, "/proc/sys/") && len(c.words) > 1 {
			value := strings.TrimSuffix(c.words[len(c.words)-1].Text, `\n`)
			sysctlconf.Set(&s.parameters, c.output, value, line)
		}
	}
}

// setsIPVS reports whether the command can set kernel parameters of IPVS, or of names that only
// a shell knows.
func setsIPVS(c command) bool {
	switch path.Base(c.words[0].Text) {
	case "sysctl":
		return slices.ContainsFunc(c.words[1:], func(w word) bool {
			name, _, sets := strings.Cut(strings.ReplaceAll(w.Text, "/", "."), "=")
			return sets && strings.Contains(name, "net.ipv4.vs.") || w.expands && strings.HasPrefix(name, "$")
		})
	case "echo", "printf", "tee", "cat":
		return strings.Contains(c.output, "/net/ipv4/vs/")
	}
	return false
}

// setsExit reports whether options of the shell have -e: it ends at a command that fails.
func setsExit(options []string) bool {
	for i, o := range options {
		if o == "--" {
			return false
		}
		if o == "errexit" && i > 0 && strings.HasSuffix(options[i-1], "o") && options[i-1][0] == '-' ||
			len(o) > 1 && o[0] == '-' && o[1] != '-' && strings.Contains(o, "e") {
			return true
		}
	}
	return false
}
