package iptables

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

const (
	maxRestoreWords = 251  // MAX_ARGC of iptables-restore, less its name and the table
	maxWords        = 4096 // that lvsmark reads
)

// refusal returns why iptables refuses the command with its options, or nil.
func (c command) refusal() error {
	switch {
	case c.name == "" || c.name == "list":
		return nil
	case c.display != "":
		return fmt.Errorf("iptables refuses %s with --%s", c.display, c.name)
	case c.takesRule():
		return nil
	}
	for _, w := range c.rule {
		if _, isFamily := familyOption(w); !isFamily {
			return fmt.Errorf("iptables refuses --%s with %s", c.name, joinWords(c.rule))
		}
	}
	return nil
}

// takesRule reports whether the words of a rule belong to the command.
func (c command) takesRule() bool {
	switch c.name {
	case "append", "check", "insert", "replace":
		return true
	case "delete":
		return c.number == 0
	}
	return false
}

// afterNot reports whether the last word so far is "!".
func (c command) afterNot() bool {
	last := len(c.rule) - 1
	return last >= 0 && !c.rule[last].Quoted && c.rule[last].Text == "!"
}

// isOfOther reports whether the command has the option of another family: iptables then fails, and
// iptables-restore ignores the line.
func (c command) isOfOther(family oldconfig.Family) bool {
	return slices.ContainsFunc(c.rule, func(w Word) bool {
		of, isFamily := familyOption(w)
		return isFamily && of != family
	})
}

// familyOption returns the family that the option is for.
func familyOption(w Word) (of oldconfig.Family, is bool) {
	switch {
	case w.Quoted:
	case w.Text == "-4" || w.Text == "--ipv4":
		return config.IPv4, true
	case w.Text == "-6" || w.Text == "--ipv6":
		return config.IPv6, true
	}
	return of, false
}
