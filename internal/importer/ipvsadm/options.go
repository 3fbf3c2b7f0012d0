package ipvsadm

import (
	"fmt"
	"strings"
)

// An option is an option of a command line, with its argument.
type option struct {
	name     string // the long name
	argument string
	given    bool // there is an argument
}

type argument uint8

const (
	none argument = iota
	required
	optional // taken if the next word is no option
)

type definition struct {
	long     string
	short    byte // 0: none
	argument argument
}

// definitions are the options of ipvsadm 1.31 (options_table in ipvsadm.c).
var definitions = []definition{
	{"add-service", 'A', none},
	{"edit-service", 'E', none},
	{"delete-service", 'D', none},
	{"add-server", 'a', none},
	{"edit-server", 'e', none},
	{"delete-server", 'd', none},
	{"clear", 'C', none},
	{"list", 'L', none},
	{"list", 'l', none},
	{"zero", 'Z', none},
	{"restore", 'R', none},
	{"save", 'S', none},
	{"set", 0, none},
	{"help", 'h', none},
	{"version", 'v', none},
	{"start-daemon", 0, required},
	{"stop-daemon", 0, required},
	{"tcp-service", 't', required},
	{"udp-service", 'u', required},
	{"sctp-service", 0, required},
	{"fwmark-service", 'f', required},
	{"ipv6", '6', none},
	{"real-server", 'r', required},
	{"scheduler", 's', required},
	{"persistent", 'p', optional},
	{"netmask", 'M', required},
	{"pe", 0, required},
	{"sched-flags", 'b', required},
	{"ops", 'o', none},
	{"masquerading", 'm', none},
	{"ipip", 'i', none},
	{"gatewaying", 'g', none},
	{"tun-type", 0, required},
	{"tun-port", 0, required},
	{"tun-nocsum", 0, none},
	{"tun-csum", 0, none},
	{"tun-remcsum", 0, none},
	{"weight", 'w', required},
	{"u-threshold", 'x', required},
	{"l-threshold", 'y', required},
	{"numeric", 'n', none},
	{"connection", 'c', none},
	{"stats", 0, none},
	{"rate", 0, none},
	{"thresholds", 0, none},
	{"persistent-conn", 0, none},
	{"sort", 0, none},
	{"nosort", 0, none},
	{"exact", 'X', none},
	{"timeout", 0, none},
	{"daemon", 0, none},
	{"mcast-interface", 0, required},
	{"syncid", 0, required},
	{"sync-maxlen", 0, required},
	{"mcast-group", 0, required},
	{"mcast-port", 0, required},
	{"mcast-ttl", 0, required},
}

// operand is the name of words that are no options.
const operand = ""

// scan splits words into options as popt(3) does. The result has at least one element.
func scan(words []string) ([]option, error) {
	var options []option
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		var err error
		switch {
		case strings.HasPrefix(word, "--"):
			options, words, err = scanLong(options, word[2:], words)
		case strings.HasPrefix(word, "-") && word != "-":
			options, words, err = scanShort(options, word[1:], words)
		default:
			options = append(options, option{operand, word, true})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(options) == 0 {
		return nil, fmt.Errorf("there is no command")
	}
	return options, nil
}

func scanLong(options []option, word string, rest []string) ([]option, []string, error) {
	name, value, given := strings.Cut(word, "=")
	for _, d := range definitions {
		if d.long != name {
			continue
		}
		if given && d.argument == none {
			return nil, nil, fmt.Errorf("--%s takes no argument", name)
		}
		if given {
			return append(options, option{name, value, true}), rest, nil
		}
		return takeArgument(options, d, rest)
	}
	return nil, nil, fmt.Errorf("unknown option --%s", name)
}

// scanShort scans a group of one-letter options: "-At".
func scanShort(options []option, group string, rest []string) ([]option, []string, error) {
	for group != "" {
		letter := group[0]
		group = group[1:]
		d, ok := byLetter(letter)
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("unknown option -%c", letter)
		case d.argument == none:
			options = append(options, option{name: d.long})
		case group != "":
			return append(options, option{d.long, strings.TrimPrefix(group, "="), true}), rest, nil
		default:
			return takeArgument(options, d, rest)
		}
	}
	return options, rest, nil
}

func byLetter(letter byte) (definition, bool) {
	for _, d := range definitions {
		if d.short == letter && letter != 0 {
			return d, true
		}
	}
	return definition{}, false
}

// takeArgument takes the argument of an option from the next word.
func takeArgument(options []option, d definition, rest []string) ([]option, []string, error) {
	missing := len(rest) == 0 || d.argument == optional && strings.HasPrefix(rest[0], "-")
	switch {
	case d.argument == none || missing && d.argument == optional:
		return append(options, option{name: d.long}), rest, nil
	case missing:
		return nil, nil, fmt.Errorf("--%s has no argument", d.long)
	}
	return append(options, option{d.long, rest[0], true}), rest[1:], nil
}
