package shell

import (
	"path"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// changesRules reports whether lvsmark follows what the program does.
func changesRules(program string) bool {
	switch program {
	case "iptables", "iptables-legacy", "iptables-nft", "ip6tables", "ip6tables-legacy", "ip6tables-nft",
		"iptables-restore", "iptables-legacy-restore", "iptables-nft-restore",
		"ip6tables-restore", "ip6tables-legacy-restore", "ip6tables-nft-restore", "ipset", "ipvsadm", "ipvsadm-restore":
		return true
	}
	return false
}

// isHarmless reports whether the program changes no rules, services and addresses. known
// is whether it succeeds, as far as a script expects it. bash -x prints "+ for …".
func isHarmless(program string) (harmless bool, known status) {
	switch program {
	case "echo", "printf", ":", "true", "modprobe", "set", "shopt", "sleep", "logger", "iptables-save", "ip6tables-save",
		"ipvsadm-save", "depmod", "mkdir", "touch", "chmod", "chown", "umask", "cat", "date", "hostname", "wait", "ulimit",
		"trap", "unset", "local", "declare", "readonly", "export", "shift", "cd", "log_daemon_msg", "log_end_msg", "lsmod",
		"for", "case", "cp", "mv", "rm", "tee", "sync", "conntrack", "arping", "ethtool":
		return true, success
	case "command", // -v
		"[", "[[", "test", "grep", "egrep", "which", "type", "hash", "ping", "id", "pgrep", "expr", "let", "awk", "sed",
		"cut", "head", "tail", "wc", "sort", "uname", "read":
		return true, unknown
	case "false":
		return true, failure
	}
	return false, unknown
}

// run executes a command without keywords ahead.
func (s *script) run(c command) status {
	first := c.words[0]
	line := s.line(c.number)
	if name, _, assigns := strings.Cut(first.Text, "="); assigns && isName(name) {
		return assignment(first)
	}
	if first.expands || strings.Contains(first.Text, "{{") || strings.HasPrefix(first.Text, "{%") {
		s.rules.NotUnderstood(line, "the name of the program is a variable or template: %s", expand)
		return unknown
	}
	program := path.Base(first.Text)
	if harmless, known := isHarmless(program); harmless {
		switch {
		case program == "trap":
			s.trap(c.words, line)
		case program == "modprobe" && loadsFTP(c.words):
			s.rules.Finding(line, "ip_vs_ftp replaces the answers to PASV of real servers with nat, and if these name the VIP, as with the output of `lvsmark render vsftpd`, their data connections fail: remove it from the line, and unload it with modprobe -r")
		case runsText(c.words):
			s.rules.NotUnderstood(line, "%s can run programs: %s", program, expand)
		}
		return known
	}
	if isExit(program) {
		s.exit(c, program)
		return unknown
	}
	if !changesRules(program) {
		return s.other(program, c, line)
	}
	s.checkBackend(program, line)
	if reason := s.refusal(c); reason != "" {
		s.rules.NotUnderstood(line, "%s: %s", reason, expand)
		return unknown
	}
	return s.execute(program, c, line)
}

// loadsFTP reports whether the words of modprobe load the module ip_vs_ftp.
func loadsFTP(words []word) bool {
	loads := false
	for _, w := range words[1:] {
		switch {
		case w.Text == "-r" || w.Text == "--remove":
			return false
		case strings.ReplaceAll(w.Text, "-", "_") == "ip_vs_ftp":
			loads = true
		}
	}
	return loads
}

// checkBackend remarks that a script uses both backends of iptables. Each has tables of its
// own, and a packet passes both.
func (s *script) checkBackend(program string, line oldconfig.Line) {
	legacy, other := strings.Contains(program, "-legacy"), strings.Contains(program, "-nft")
	if s.legacy && other || s.nft && legacy {
		s.rules.NotUnderstood(line, "the script uses iptables-legacy and iptables-nft: give the output of iptables-legacy-save and iptables-nft-save")
	}
	s.legacy, s.nft = s.legacy || legacy, s.nft || other
	s.rules.LoadedBy(program)
}

// assignment returns the status of NAME=VALUE: that of the program in its value.
func assignment(w word) status {
	text := strings.ReplaceAll(w.Text, "$((", "") // arithmetic
	if strings.Contains(text, "$(") || strings.Contains(text, "`") {
		return unknown
	}
	return success
}

// refusal returns why only a shell can tell what the command is, or "".
func (s *script) refusal(c command) string {
	switch {
	case len(s.blocks) > 0:
		b := s.blocks[len(s.blocks)-1]
		return "the command is inside " + `"` + b.keyword + `" of ` + s.line(b.number).String()
	case (c.operator == "&&" || c.operator == "||") && s.status == unknown:
		return "it is not known whether the command ahead of " + c.operator + " succeeds"
	}
	for _, w := range c.words {
		switch {
		case strings.Contains(w.Text, "{{") || strings.Contains(w.Text, "{%"):
			return "the line has a template, " + w.Text
		case w.expands:
			return "the line has a variable or pattern, " + w.Text
		case !w.Quoted && strings.Contains(w.Text, "{") && strings.ContainsAny(w.Text, ",."):
			return "the shell expands " + w.Text
		}
	}
	if d := c.document; d != nil && !d.literal && strings.ContainsAny(d.text, "$`") {
		return "the here-document has variables"
	}
	return ""
}

// execute runs a command that lvsmark follows.
func (s *script) execute(program string, c command, line oldconfig.Line) status {
	words := make([]iptables.Word, 0, len(c.words))
	texts := make([]string, 0, len(c.words))
	for _, w := range c.words[1:] {
		words = append(words, iptables.Word{Text: w.Text}) // a program does not see the quotes
		texts = append(texts, w.Text)
	}
	switch {
	case program == "ipvsadm-restore":
		return s.eachLine(c, line, s.runIPVS)
	case strings.HasSuffix(program, "-restore"):
		return s.restoreRules(program, c, texts, line)
	case program == "ipset":
		if slices.Contains(texts, "restore") || slices.Contains(texts, "-R") {
			return s.restoreSets(c, words, line)
		}
		return statusOf(s.rules.Set(words, line))
	case program == "ipvsadm":
		if len(texts) > 0 && (texts[0] == "--restore" || texts[0] == "-R") {
			return s.eachLine(c, line, s.runIPVS)
		}
		s.ipvs.Run(texts, line)
		return success
	}
	return statusOf(s.rules.Command(program, words, line))
}

func (s *script) runIPVS(text string, line oldconfig.Line) { s.ipvs.Run(strings.Fields(text), line) }

// restoreRules runs iptables-restore with a here-document.
func (s *script) restoreRules(program string, c command, options []string, line oldconfig.Line) status {
	keep := false
	for _, option := range options {
		switch option {
		case "-n", "--noflush":
			keep = true
		case "-t", "--test":
			return success // it changes nothing
		case "-c", "--counters", "-v", "--verbose", "-w", "--wait":
		default:
			s.rules.NotUnderstood(line, "the rules are in another file: give that file to lvsmark")
			return unknown
		}
	}
	if c.document == nil {
		s.rules.NotUnderstood(line, "the rules are in another file, or come from another program: give them to lvsmark")
		return unknown
	}
	first := oldconfig.Line{File: s.name, Number: c.document.number}
	lost := s.rules.Lost()
	if s.rules.Restore(familyOf(program), first, c.document.text, keep); s.rules.Lost() > lost {
		return unknown
	}
	return success
}

// restoreSets runs ipset restore with a here-document. It ends at the first command that fails.
func (s *script) restoreSets(c command, options []iptables.Word, line oldconfig.Line) status {
	var exist []iptables.Word
	for _, w := range options {
		if w.Text == "-exist" || w.Text == "-!" || w.Text == "--exist" {
			exist = append(exist, w)
		}
	}
	ended := false
	return s.eachLine(c, line, func(text string, line oldconfig.Line) {
		if ended {
			return
		}
		words, closed := iptables.SplitWords(text)
		lost := s.rules.Lost()
		ended = !s.rules.Set(slices.Concat(words, exist), line)
		if !closed || ended && s.rules.Lost() == lost {
			s.rules.NotUnderstood(line, "ipset restore fails at this line, and does not execute those below")
		}
	})
}

// eachLine runs a command for each line of a here-document.
func (s *script) eachLine(c command, line oldconfig.Line, run func(string, oldconfig.Line)) status {
	if c.document == nil {
		s.rules.NotUnderstood(line, "the commands are in another file, or come from another program: give them to lvsmark")
		return unknown
	}
	number := c.document.number
	for text := range strings.Lines(c.document.text) {
		text = strings.TrimSpace(text)
		if text != "" && text[0] != '#' {
			run(text, oldconfig.Line{File: s.name, Number: number, Text: text})
		}
		number++
	}
	return success
}

// other handles a program that lvsmark does not follow.
func (s *script) other(program string, c command, line oldconfig.Line) status {
	switch program {
	case "sysctl":
		return success
	case "ip", "ifconfig", "route":
		var words []string
		for _, w := range c.words[1:] {
			words = append(words, w.Text)
		}
		if i := slices.Index(words, "exec"); i > 0 && (words[i-1] == "netns" || words[i-1] == "vrf") {
			s.rules.NotUnderstood(line, "%s %s exec runs a program for another network namespace or device: give lvsmark what is on the director", program, words[i-1])
			return unknown
		}
		if address, device, ok := addedAddress(program, words); ok {
			s.rules.Finding(line, "adds %s to %s: if it is a VIP, set vip-device: %s in the spec", address, device, device)
			return success
		}
		s.rules.Finding(line, "addresses, routes and rules of policy routing are not read")
		return success
	case "nft":
		s.rules.NotUnderstood(line, "nft changes rules: give the output of `nft -j list ruleset`")
	case "ebtables", "arptables", "tc", "firewall-cmd", "ufw", "iptables-apply", "ip6tables-apply":
		s.rules.NotUnderstood(line, "%s can change packets or rules, and is not followed", program)
	case ".", "source", "eval", "sh", "bash", "dash":
		s.rules.NotUnderstood(line, "%s runs commands that are not in this file: %s", program, expand)
	default:
		s.rules.NotUnderstood(line, "it is not known whether %s changes rules: delete the line if it does not", program)
	}
	return unknown
}
