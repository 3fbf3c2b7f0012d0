// Package ipvsadm reads IPVS services from the output of `ipvsadm -Sn`, and from commands
// of ipvsadm(8) as scripts have them.
package ipvsadm

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name is the name of the language.
const Name = "ipvsadm -S"

// Recognises reports whether the first command of the text is one of `ipvsadm -R`. Commands
// with a path, and lines of other programs, are a shell script.
func Recognises(text string) bool {
	first := true
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if words[0] != "ipvsadm" {
			return strings.HasPrefix(words[0], "-") && (!first || isCommand(words))
		}
		if strings.ContainsAny(line, "$;&|<>`'\"\\") {
			return false
		}
		first = false
	}
	return !first
}

// isCommand tells the commands of ipvsadm from those of iptables-save.
func isCommand(words []string) bool {
	options, err := scan(words)
	if err != nil {
		return false
	}
	for _, o := range options {
		if o.name == "tcp-service" || o.name == "udp-service" || o.name == "sctp-service" || o.name == "fwmark-service" {
			return true
		}
	}
	return options[0].name == "clear" || options[0].name == "set" || options[0].name == "start-daemon"
}

// Read reads the input of `ipvsadm -R`: one command a line, as `ipvsadm -S` writes it; or, if all
// commands begin with the name of the program, a script. ipvsadm knows no comments, and
// ipvsadm-restore removes only lines that begin with one.
func Read(name, text string) (*oldconfig.Config, error) {
	s := NewState()
	number, isScript := 0, isScript(text)
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		command, _, commented := strings.Cut(line, "#")
		words := strings.Fields(command)
		if len(words) > 0 && words[0] == "ipvsadm" {
			words = words[1:]
		}
		at := oldconfig.Line{File: name, Number: number, Text: line}
		if commented && !isScript && line[0] != '#' {
			s.config.AddNotUnderstood(at, "ipvsadm -R ends at this line, because it knows no comments: it loads nothing from here on")
		}
		if len(words) > 0 {
			s.Run(words, at)
		}
	}
	return s.Config(), nil
}

// isScript reports whether all commands begin with the name of the program.
func isScript(text string) bool {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] != "ipvsadm" && words[0][0] != '#' {
			return false
		}
	}
	return true
}
