// Package ftpserver reads what FTP servers do about data connections: vsftpd.conf(5),
// proftpd.conf, and the configuration, the files of single values, and the arguments of
// pure-ftpd(8). Other settings have no effect on the packets of a director.
package ftpserver

import (
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name names the languages.
const Name = "vsftpd.conf, proftpd.conf, pure-ftpd.conf"

// Ports of a connection from port 20, and of FTP.
const (
	dataPort    = 20
	controlPort = 21
)

// A language is that of one of the files.
type language uint8

const (
	unknownLanguage language = iota
	pureValueLanguage
	pureArgumentsLanguage
	pureFileLanguage
	vsftpdLanguage
	proftpdLanguage
)

// Recognises reports whether the text is the configuration of one of the servers.
func Recognises(text string) bool { return languageOf(text) != unknownLanguage }

// Read reads the configuration of the server that the text is for.
func Read(name, text string) (*oldconfig.Config, error) {
	r := &reader{name: name}
	switch languageOf(text) {
	case pureValueLanguage:
		r.pureValue(text)
	case pureArgumentsLanguage:
		r.pureArguments(text)
	case pureFileLanguage:
		r.pureFile(text)
	case vsftpdLanguage:
		r.vsftpd(text)
	case proftpdLanguage:
		r.proftpd(text)
	}
	return &r.config, nil
}

func languageOf(text string) language {
	switch {
	case strings.HasPrefix(text, "#!"):
		return unknownLanguage // a script
	case isPureValue(text):
		return pureValueLanguage
	case isPureArguments(text):
		return pureArgumentsLanguage
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		key, _, assigned := strings.Cut(words[0], "=")
		switch {
		case assigned && vsftpdKeys[key]:
			return vsftpdLanguage
		case proftpdDirectives[strings.ToLower(words[0])]:
			return proftpdLanguage
		case pureKeys[strings.ToLower(words[0])]:
			return pureFileLanguage
		}
	}
	return unknownLanguage
}

type reader struct {
	name   string
	config oldconfig.Config
}

func (r *reader) at(number int, text string) oldconfig.Line {
	return oldconfig.Line{File: r.name, Number: number, Text: strings.TrimSuffix(text, "\n")}
}

// eachLine yields the lines with their numbers.
func (r *reader) eachLine(text string) func(yield func(oldconfig.Line) bool) {
	return func(yield func(oldconfig.Line) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			if !yield(r.at(number, line)) {
				return
			}
		}
	}
}

// setRange sets the passive ports.
func (r *reader) setRange(f *oldconfig.FTPServer, low, high string, l oldconfig.Line) {
	first, ok := value.Number(low, 1, 65535)
	last, known := value.Number(high, 1, 65535)
	if !ok || !known || first > last {
		r.config.AddNotUnderstood(l, "the passive ports are not a range of two ports")
		return
	}
	f.PassivePort = config.PortRange{Protocol: config.TCP, Low: uint16(first), High: uint16(last)}
}

// setAddress sets the address of passive replies. A name has another address on another
// machine, or tomorrow.
func (r *reader) setAddress(f *oldconfig.FTPServer, text string, l oldconfig.Line) {
	addr, ok := value.Address(text)
	if !ok {
		r.config.AddNotUnderstood(l, "the address of passive replies is not an IP address: names are not looked up")
		addr = netip.Addr{}
	}
	f.Address = addr
}

func (r *reader) setPort(port *uint16, text string, l oldconfig.Line) bool {
	n, ok := value.Number(text, 0, 65535)
	if !ok {
		r.config.AddNotUnderstood(l, "%q is not a port", text)
		return false
	}
	*port = uint16(n)
	return true
}
