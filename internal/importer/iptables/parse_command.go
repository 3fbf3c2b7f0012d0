package iptables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A command is one command of iptables.
type command struct {
	name     string // its long name: "append"
	table    string
	hasTable bool // it has the option -t
	chain    string
	second   string // of rename-chain and policy
	number   int    // of a rule, from 1; 0: none
	rule     []Word
	unset    []string       // sets of the rule that are not there
	display  string         // an option that only --list may have
	listed   bool           // by iptables-save, so the sets of the file may follow
	begun    oldconfig.Line // of the table in the input of iptables-restore; else zero
}

// commandOf returns the long name of a command, and how many arguments it has at most.
func commandOf(word string) (name string, arguments int, found bool) {
	switch word {
	case "-A", "--append":
		return "append", 1, true
	case "-C", "--check":
		return "check", 1, true
	case "-D", "--delete":
		return "delete", 1, true
	case "-I", "--insert":
		return "insert", 1, true
	case "-R", "--replace":
		return "replace", 1, true
	case "-F", "--flush":
		return "flush", 1, true
	case "-N", "--new-chain":
		return "new-chain", 1, true
	case "-X", "--delete-chain":
		return "delete-chain", 1, true
	case "-P", "--policy":
		return "policy", 2, true
	case "-E", "--rename-chain":
		return "rename-chain", 2, true
	case "-L", "--list", "-S", "--list-rules", "-Z", "--zero":
		return "list", 1, true
	case "-V", "--version", "-h", "--help":
		return "list", 0, true
	}
	return "", 0, false
}

// parseCommand splits the words after the program's name. What is neither a command nor an
// option of iptables itself is the rule.
func parseCommand(words []Word) (c command, err error) {
	c.table = "filter"
	if len(words) > maxWords {
		return c, fmt.Errorf("lvsmark reads at most %d words of a command", maxWords)
	}
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		if w.Quoted || w.Text == "" {
			c.rule = append(c.rule, w)
			continue
		}
		w.Text = c.withoutDisplay(w.Text)
		if w.Text == "" {
			continue
		}
		if name, arguments, found := commandOf(w.Text); found {
			if c.afterNot() {
				return c, fmt.Errorf("! stands ahead of %s", w.Text)
			}
			if c.name != "" && (c.name != "list" || name != "list") {
				return c, fmt.Errorf("two commands, %s and %s, in one line", c.name, name)
			}
			c.name = name
			words = c.takeArguments(words, arguments)
			continue
		}
		taken, isOption, err := c.option(w.Text, words)
		if err != nil {
			return c, err
		}
		if isOption && c.afterNot() {
			return c, fmt.Errorf("! stands ahead of %s", w.Text)
		}
		if !isOption {
			c.rule = append(c.rule, w)
			if valued(w.Text) && len(words) > 0 { // its value may look like a command
				c.rule = append(c.rule, words[0])
				words = words[1:]
			}
			continue
		}
		words = words[taken:]
	}
	return c, c.refusal()
}

// withoutDisplay returns the option without letters that change what iptables prints only: of
// "-nvL", that is "-L". It returns "" if no other letter is left, as of "-nv" and "-w5".
func (c *command) withoutDisplay(text string) string {
	if wait, found := strings.CutPrefix(text, "-w"); found && wait != "" {
		if _, isNumber := parseNumber(wait, 1<<31); isNumber {
			return ""
		}
	}
	if len(text) < 3 || text[0] != '-' || text[1] == '-' || strings.Trim(text[1:], "nvxwLSZ") != "" {
		return text
	}
	if strings.ContainsAny(text, "nx") {
		c.display = text
	}
	if text = strings.NewReplacer("n", "", "v", "", "x", "", "w", "").Replace(text); text == "-" {
		return ""
	}
	return text
}

// valued reports whether the word is an option whose value may begin with "-".
func valued(word string) bool {
	switch word {
	case "--comment", "--log-prefix", "--nflog-prefix", "--string", "--hex-string":
		return true
	}
	return false
}

// takeArguments reads the chain, and the number of a rule or a second name.
func (c *command) takeArguments(words []Word, count int) []Word {
	isArgument := func() bool {
		return len(words) > 0 && words[0].Text != "" && (words[0].Quoted || !strings.HasPrefix(words[0].Text, "-") && words[0].Text != "!")
	}
	if count > 0 && isArgument() {
		c.chain, words = words[0].Text, words[1:]
	}
	switch {
	case count > 1 && isArgument():
		c.second, words = words[0].Text, words[1:]
	case count == 1 && c.name != "append" && c.name != "check" && isArgument():
		if n, ok := parseNumber(words[0].Text, 1<<31); ok {
			c.number, words = int(n), words[1:]
			if n == 0 {
				c.number = -1 // no rule has it
			}
		}
	}
	return words
}

// option reads an option that is no part of a rule. It returns how many of the words that
// follow belong to it.
func (c *command) option(word string, rest []Word) (taken int, isOption bool, err error) {
	name, value, attached := strings.Cut(word, "=")
	if short, found := strings.CutPrefix(word, "-t"); found && short != "" {
		c.table, c.hasTable = short, true
		return 0, true, nil
	}
	switch name {
	case "-t", "--table":
		c.hasTable = true
		if attached {
			c.table = value
			return 0, true, nil
		}
		if len(rest) == 0 {
			return 0, true, fmt.Errorf("%s has no value", word)
		}
		c.table = rest[0].Text
		return 1, true, nil
	case "-w", "--wait", "-W", "--wait-interval":
		if len(rest) > 0 && !attached {
			if _, isNumber := parseNumber(rest[0].Text, 1<<31); isNumber {
				return 1, true, nil
			}
		}
		return 0, true, nil
	case "-n", "--numeric", "-x", "--exact", "--line-numbers":
		c.display = word
		return 0, true, nil
	case "-v", "--verbose":
		return 0, true, nil
	case "--modprobe", "-M":
		if attached || len(rest) == 0 {
			return 0, true, nil
		}
		return 1, true, nil
	}
	return 0, false, nil
}

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
// iptables-restore ignores the line. In a rule, the word may be the value of another option, as in
// --comment -6.
func (c command) isOfOther(family oldconfig.Family) bool {
	named := slices.ContainsFunc(c.rule, func(w Word) bool {
		of, isFamily := familyOption(w)
		return isFamily && of != family
	})
	return named && (!c.takesRule() || parseRule(family, c.rule, pick{}, nil).skip)
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
