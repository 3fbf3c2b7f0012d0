package ipvsadm

import (
	"path"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Names of the languages of files that start sync daemons.
const (
	DefaultsName = "/etc/default/ipvsadm"
	UnitName     = "systemd unit of ipvsadm"
)

// RecognisesDefaults reports whether the text is /etc/default/ipvsadm of Debian: assignments, of
// which one is DAEMON or SYNCID.
func RecognisesDefaults(text string) bool {
	found := false
	for line := range strings.Lines(text) {
		name, _, assigned := assignment(line)
		switch {
		case isComment(line):
		case !assigned:
			return false
		case name != "AUTO" && name != "DAEMON" && name != "IFACE" && name != "SYNCID":
			return false
		case name == "DAEMON" || name == "SYNCID":
			found = true
		}
	}
	return found
}

func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#' || line[0] == ';'
}

func assignment(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimSpace(line), "=")
	return name, strings.Trim(strings.TrimSpace(value), `"'`), ok
}

// ReadDefaults reads /etc/default/ipvsadm: the init script starts a sync daemon if DAEMON is
// master, backup or both, and restores /etc/ipvsadm.rules if AUTO is true.
func ReadDefaults(name, text string) (*oldconfig.Config, error) {
	s := NewState()
	values := map[string]string{"DAEMON": "none", "IFACE": "eth0", "SYNCID": "0"}
	var at oldconfig.Line
	number := 0
	for line := range strings.Lines(text) {
		number++
		if key, value, ok := assignment(line); ok && !isComment(line) {
			if values[key] = value; key == "DAEMON" {
				at = oldconfig.Line{File: name, Number: number, Text: strings.TrimSpace(line)}
			}
		}
	}
	states := []string{values["DAEMON"]}
	switch values["DAEMON"] {
	case "none", "":
		states = nil
	case "both":
		states = []string{masterState, backupState}
	}
	for _, state := range states {
		s.Run([]string{"--start-daemon", state, "--mcast-interface", values["IFACE"], "--syncid", values["SYNCID"]}, at)
	}
	return s.Config(), nil
}

// RecognisesUnit reports whether the text is a unit of systemd that runs ipvsadm.
func RecognisesUnit(text string) bool {
	isUnit, runs := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "[Unit]" || line == "[Service]":
			isUnit = true
		case strings.HasPrefix(line, "Exec") && strings.Contains(line, "ipvsadm"):
			runs = true
		case !isUnit && !isComment(line):
			return false
		}
	}
	return isUnit && runs
}

// ReadUnit reads the commands that a unit of systemd runs when it starts.
func ReadUnit(name, text string) (*oldconfig.Config, error) {
	s := NewState()
	number := 0
	for line := range strings.Lines(text) {
		number++
		key, command, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || key != "ExecStart" && key != "ExecStartPre" && key != "ExecStartPost" || command == "" {
			continue
		}
		at := oldconfig.Line{File: name, Number: number, Text: strings.TrimSpace(line)}
		words := strings.Fields(strings.TrimLeft(command, "-@:+!|"))
		switch {
		case len(words) == 0:
		case path.Base(words[0]) == "ipvsadm" && !strings.ContainsAny(command, "$%\"'\\"):
			s.Run(words[1:], at)
		case path.Base(words[0]) == "modprobe" || path.Base(words[0]) == "true":
		default:
			s.config.AddNotUnderstood(at, "only commands of ipvsadm without variables and quotes are read: give the files that this one reads")
		}
	}
	return s.Config(), nil
}
