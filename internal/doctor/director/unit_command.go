package director

import (
	"path"
	"slices"
	"strings"
)

// A unitCommand is a command of a unit, for example of ExecStart.
type unitCommand struct {
	unit, key, line string
}

func (c unitCommand) String() string { return c.key + " of " + c.unit }

// commands returns the commands of a unit. An empty assignment removes those before it
// (systemd.service(5)).
func (s *Subject) commands(unit string) (list []unitCommand) {
	for line := range strings.Lines(s.Unit(unit)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case !strings.HasPrefix(key, "Exec"):
		case value == "":
			list = slices.DeleteFunc(list, func(c unitCommand) bool { return c.key == key })
		default:
			list = append(list, unitCommand{unit, key, value})
		}
	}
	return list
}

// nftWords returns the words after the name of the program, if it is nft. Quotes are left out.
func (c unitCommand) nftWords() []string {
	words := strings.Fields(unquoted(c.line))
	if len(words) == 0 || path.Base(words[0]) != "nft" {
		return nil
	}
	return words[1:]
}

func unquoted(text string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(text) }

// startArguments returns the words of the commands that start a unit, with its variables.
func (s *Subject) startArguments(unit string) (words []string) {
	variables := s.variables(unit)
	for _, c := range s.commands(unit) {
		if c.key != "ExecStart" {
			continue
		}
		for word := range strings.FieldsSeq(unquoted(c.line)) {
			for name, value := range variables {
				if word == "$"+name {
					word = value
				}
				word = strings.ReplaceAll(word, "${"+name+"}", value)
			}
			words = append(words, strings.Fields(word)...)
		}
	}
	return words
}

// variables returns what a unit sets by Environment and EnvironmentFile, which has precedence
// (systemd.exec(5)).
func (s *Subject) variables(unit string) map[string]string {
	variables := map[string]string{}
	set := func(assignment string) {
		if name, value, ok := strings.Cut(strings.TrimSpace(unquoted(assignment)), "="); ok {
			variables[name] = value
		}
	}
	var files []string
	for line := range strings.Lines(s.Unit(unit)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "Environment":
			for _, assignment := range assignmentsOf(value) {
				set(assignment)
			}
		case "EnvironmentFile":
			files = append(files, strings.TrimLeft(value, "-/"))
		}
	}
	for _, file := range files {
		for _, l := range s.Lines(file) {
			set(l.Text)
		}
	}
	return variables
}

// assignmentsOf splits the value of Environment: words, of which some have quotes around them.
func assignmentsOf(value string) []string {
	quote := rune(0)
	return strings.FieldsFunc(value, func(r rune) bool {
		switch {
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		}
		return quote == 0 && (r == ' ' || r == '\t')
	})
}
