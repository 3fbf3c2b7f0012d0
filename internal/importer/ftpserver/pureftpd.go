package ftpserver

import (
	"path"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// pureKeys are keys by which pure-ftpd.conf is recognised, in lower case.
var pureKeys = map[string]bool{
	"passiveportrange": true, "forcepassiveip": true, "chrooteveryone": true, "maxclientsnumber": true, "maxclientsperip": true,
	"anonymousonly": true, "noanonymous": true, "brokenclientscompatibility": true, "unixauthentication": true, "pamauthentication": true,
	"puredb": true,
}

func pureServer(l oldconfig.Line) *oldconfig.FTPServer {
	return &oldconfig.FTPServer{Program: "pure-ftpd", ActivePort: dataPort, Listen: controlPort, Line: l}
}

// isPureValue reports whether the text is the content of /etc/pure-ftpd/conf/PassivePortRange
// or ForcePassiveIP of Debian: two ports, or an address.
func isPureValue(text string) bool {
	words := strings.Fields(strings.ReplaceAll(text, ":", " "))
	if len(words) == 2 {
		_, first := value.Number(words[0], 1, 65535)
		_, second := value.Number(words[1], 1, 65535)
		return first && second
	}
	_, ok := value.Address(strings.TrimSpace(text))
	return ok
}

func (r *reader) pureValue(text string) {
	l := r.at(1, text)
	f := pureServer(l)
	if addr, ok := value.Address(strings.TrimSpace(text)); ok {
		f.Address = addr
	} else {
		words := strings.Fields(strings.ReplaceAll(text, ":", " "))
		r.setRange(f, words[0], words[1], l)
	}
	r.config.FTP = append(r.config.FTP, f)
}

// pureFile reads pure-ftpd.conf: KEY VALUE.
func (r *reader) pureFile(text string) {
	f := pureServer(r.at(1, ""))
	for l := range r.eachLine(text) {
		words := pureWords(l.Text)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch strings.ToLower(words[0]) {
		case "passiveportrange":
			if f.Line = l; !isTwoNumbers(words[1:]) {
				r.config.AddNotUnderstood(l, "pure-ftpd does not start with this line: expected PassivePortRange LOW HIGH, without a comment behind it")
				continue
			}
			r.pureRange(f, strings.Join(words[1:], " "), l)
		case "forcepassiveip":
			r.setAddress(f, strings.Join(words[1:], ""), l)
		case "bind":
			r.pureBind(f, strings.Join(words[1:], ""), l)
		case "natmode":
			r.natMode(strings.Join(words[1:], ""), l)
		}
	}
	r.config.FTP = append(r.config.FTP, f)
}

// pureWords splits a line into the key and the words of its value. A sign = may stand between them.
func pureWords(line string) []string {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.Fields(line)
	}
	text := strings.TrimPrefix(strings.TrimLeft(line[end:], " \t"), "=")
	return append([]string{line[:end]}, strings.Fields(strings.ReplaceAll(text, ",", " , "))...)
}

// isTwoNumbers reports whether the words are what pure-ftpd takes in its file; its arguments have a
// colon between the ports.
func isTwoNumbers(words []string) bool {
	return len(words) == 2 && strings.Trim(words[0]+words[1], "0123456789") == ""
}

func (r *reader) pureRange(f *oldconfig.FTPServer, text string, l oldconfig.Line) {
	words := strings.Fields(strings.ReplaceAll(text, ":", " "))
	if len(words) != 2 {
		words = []string{"", ""}
	}
	r.setRange(f, words[0], words[1], l)
}

// pureBind reads "[ADDRESS,]PORT".
func (r *reader) pureBind(f *oldconfig.FTPServer, text string, l oldconfig.Line) {
	_, port, found := strings.Cut(text, ",")
	if !found {
		port = text
	}
	n, ok := value.Port(port)
	if !ok {
		r.config.AddNotUnderstood(l, "%q is not [ADDRESS,]PORT", text)
		return
	}
	f.Listen = n
}

// isPureArguments reports whether the text is a command of pure-ftpd, or its arguments.
func isPureArguments(text string) bool {
	words := strings.Fields(text)
	if len(words) == 0 || strings.Contains(strings.TrimSpace(text), "\n") {
		return false
	}
	if path.Base(words[0]) == "pure-ftpd" {
		return true
	}
	for _, word := range words {
		if strings.HasPrefix(word, "--passiveportrange") || strings.HasPrefix(word, "--forcepassiveip") {
			return true
		}
	}
	return words[0] == "-p" && len(words) > 1 && strings.Contains(words[1], ":") || words[0] == "-P"
}

// pureArguments reads the arguments "-p LOW:HIGH -P ADDRESS -S [ADDRESS,]PORT".
func (r *reader) pureArguments(text string) {
	l := r.at(1, text)
	f := pureServer(l)
	words := strings.Fields(text)
	for i, word := range words {
		name, argument, _ := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "--"):
		case strings.HasPrefix(word, "-") && len(word) > 2:
			name, argument = word[:2], word[2:]
		case i+1 < len(words):
			argument = words[i+1]
		}
		if strings.HasPrefix(word, "--") && argument == "" && i+1 < len(words) {
			argument = words[i+1]
		}
		r.pureArgument(f, name, argument, l)
	}
	r.config.FTP = append(r.config.FTP, f)
}

func (r *reader) pureArgument(f *oldconfig.FTPServer, name, argument string, l oldconfig.Line) {
	switch name {
	case "-p", "--passiveportrange":
		r.pureRange(f, argument, l)
	case "-P", "--forcepassiveip":
		r.setAddress(f, argument, l)
	case "-S", "--bind":
		r.pureBind(f, argument, l)
	case "-N", "--natmode":
		r.natMode("yes", l)
	}
}
