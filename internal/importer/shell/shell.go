// Package shell reads scripts that call iptables, ip6tables, ipset and ipvsadm. It does not
// run the shell: a line with a variable, and a command in a loop, a condition or a function
// are not understood. `bash -x` prints the same commands without them.
package shell

import (
	"path"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// expand is the way out of what needs a shell.
const expand = "give what `bash -x` prints for the script, or the output of iptables-save, ipset save and ipvsadm -Sn"

// A script is the state of one that is read.
type script struct {
	name   string
	lines  lineIndex
	rules  *iptables.Ruleset
	ipvs   *ipvsadm.State
	blocks []block
	status status // of the previous command
	ended  bool
	end    oldconfig.Line // the line of it, until it is told
	ends   []possibleEnd
	negate bool // ! is ahead of the command
	exits  bool // set -e: a command that fails ends the script

	parameters oldconfig.Config // of the kernel

	legacy, nft bool // commands of the backend were read
}

// A status is the exit status of a command, as far as it is known.
type status uint8

const (
	unknown status = iota
	success
	failure
)

func (s status) not() status {
	switch s {
	case success:
		return failure
	case failure:
		return success
	}
	return unknown
}

func statusOf(ok bool) status {
	if ok {
		return success
	}
	return failure
}

// Recognises reports whether the text is a script, or has a command of iptables, ipset or
// ipvsadm.
func Recognises(text string) bool {
	first, _, _ := strings.Cut(text, "\n")
	if interpreter, found := strings.CutPrefix(first, "#!"); found {
		program, _, _ := strings.Cut(strings.TrimSpace(interpreter), " ")
		return strings.HasSuffix(program, "sh") || strings.HasSuffix(program, "/env")
	}
	const most = 1000 // lines
	count := 0
	for line := range strings.Lines(text) {
		if count++; count > most {
			return false
		}
		for word := range strings.FieldsSeq(line) {
			if word == "sudo" || strings.Trim(word, "+") == "" {
				continue
			}
			if changesRules(path.Base(word)) {
				return true
			}
			break
		}
	}
	return false
}

// Read reads a script.
func Read(name, text string) (*oldconfig.Config, error) {
	return ReadWith(name, text, func(*iptables.Ruleset) {})
}

// ReadWith reads as Read does, after load has loaded what other files have.
func ReadWith(name, text string, load func(*iptables.Ruleset)) (*oldconfig.Config, error) {
	s := &script{name: name, rules: iptables.New(), ipvs: ipvsadm.NewState(), status: success}
	load(s.rules)
	s.lines.text = text
	first, _, _ := strings.Cut(text, "\n")
	s.exits = strings.HasPrefix(first, "#!") && setsExit(strings.Fields(first)[1:])
	if number := split(text, s.command); number > 0 {
		s.rules.NotUnderstood(s.line(number), "the commands fail: lines end with carriage returns, which the shell takes for a part of the last word; sed -i 's/\\r$//' removes them")
	}
	if len(s.blocks) > 0 {
		b := s.blocks[len(s.blocks)-1]
		s.rules.NotUnderstood(s.line(b.number), "%q has no end", b.keyword)
	}
	c := s.rules.Config()
	c.Join(s.ipvs.Config())
	c.Join(&s.parameters)
	return c, nil
}

func (s *script) line(number int) oldconfig.Line {
	return oldconfig.Line{File: s.name, Number: number, Text: s.lines.line(number)}
}

// A lineIndex returns lines by number, in any order.
type lineIndex struct {
	text   string
	begins []int // of the lines that are found so far
}

func (x *lineIndex) line(number int) string {
	if len(x.begins) == 0 {
		x.begins = []int{0}
	}
	for len(x.begins) < number {
		last := x.begins[len(x.begins)-1]
		end := strings.IndexByte(x.text[last:], '\n')
		if end < 0 {
			return ""
		}
		x.begins = append(x.begins, last+end+1)
	}
	line, _, _ := strings.Cut(x.text[x.begins[max(number, 1)-1]:], "\n")
	return strings.TrimSpace(line)
}

// command executes a command.
func (s *script) command(c command) {
	if s.ended {
		s.tellUnread(c)
		return
	}
	if c.open {
		s.rules.NotUnderstood(s.line(c.number), "a quote or parenthesis has no end")
		return
	}
	if c.operator == "(" {
		s.open("(", c.number, false)
	}
	if c.operator == ")" && s.block().keyword == "(" {
		s.closeBlock()
	}
	s.words(c)
}

// words follows the keywords of a command, and executes the rest.
func (s *script) words(c command) {
	all := c.words
	c.traced = len(all) > 0 && isTrace(all[0])
	s.negate = false
	skipped := s.skips(c)
	c.words = s.keywords(c.words, c.number, skipped)
	c.replaces = len(c.words) > 1 && c.words[0].Text == "exec" && !c.words[0].Quoted
	c.words = withoutPrefix(c.words)
	if skipped || s.block().skipped || s.isPattern(c) {
		return
	}
	if len(c.words) == 0 || !changesRules(path.Base(c.words[0].Text)) {
		s.substitutions(all, c.number)
	}
	if len(c.words) == 0 {
		return
	}
	s.tellEnds(c)
	s.settings(c)
	s.finish(c)
}

// finish runs a command, and follows its exit status.
func (s *script) finish(c command) {
	lost, before := s.rules.Lost(), s.status
	s.status = s.run(c)
	s.afterFailure(c, lost)
	if s.negate {
		s.status = s.status.not()
	}
	if before == unknown && (c.operator == "&&" && s.status == success || c.operator == "||" && s.status == failure) {
		s.status = unknown // the command may not have run
	}
	if c.replaces {
		s.exit(c, "exec")
	}
}

// isTrace reports whether the word is the "+" ahead of a line of bash -x.
func isTrace(w word) bool { return !w.Quoted && w.Text != "" && strings.Trim(w.Text, "+") == "" }

// isPattern reports whether the words are a pattern of case: "start|restart)".
func (s *script) isPattern(c command) bool {
	inCase := len(s.blocks) > 0 && s.blocks[len(s.blocks)-1].keyword == "case"
	return inCase && len(c.words) == 1 && (c.after == ")" || c.after == "|")
}

// skips reports whether the shell does not run a command after && or ||.
func (s *script) skips(c command) bool {
	return c.operator == "&&" && s.status == failure || c.operator == "||" && s.status == success
}

// withoutPrefix removes what may stand ahead of the program: the "+" of bash -x, variables
// for its environment, and programs that run another.
func withoutPrefix(words []word) []word {
	for len(words) > 0 && !words[0].Quoted {
		first := words[0].Text
		name, _, assigns := strings.Cut(first, "=")
		switch {
		case isTrace(words[0]):
		case first == "command" && len(words) > 1 && (words[1].Text == "-v" || words[1].Text == "-V"):
			return words
		case first == "sudo" || first == "exec" || first == "command" || first == "nohup" || first == "env":
			for len(words) > 1 && strings.HasPrefix(words[1].Text, "-") {
				words = words[1:]
			}
		case assigns && isName(name) && len(words) > 1:
		default:
			return words
		}
		words = words[1:]
	}
	return words
}

func isName(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// familyOf returns the family of iptables-restore or ip6tables-restore.
func familyOf(program string) oldconfig.Family {
	if strings.HasPrefix(program, "ip6") {
		return config.IPv6
	}
	return config.IPv4
}
