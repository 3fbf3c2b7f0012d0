package ftpserver

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// proftpdDirectives are directives by which proftpd.conf is recognised, in lower case.
var proftpdDirectives = map[string]bool{
	"servername": true, "servertype": true, "passiveports": true, "masqueradeaddress": true, "defaultserver": true,
	"<virtualhost": true, "<global>": true, "<anonymous": true, "<limit": true, "<ifmodule": true, "<directory": true,
	"modulepath": true, "loadmodule": true, "maxinstances": true, "defaultroot": true, "useipv6": true,
}

// A context is a part of proftpd.conf with settings of its own: the main server, Global, or
// a VirtualHost.
type context struct {
	oldconfig.FTPServer
	hasRange, hasAddress, hasPort, noRoot bool
}

// A proftpdReader reads proftpd.conf, and files that it includes.
type proftpdReader struct {
	*reader
	main, global, current *context
	contexts              []*context
	depth                 int // of other blocks: Directory, Limit, Anonymous, IfModule
	others                []File
	within                []string // names of the files that are being read
	included              int
}

// proftpd reads proftpd.conf. Directives of Global count in each server that does not have
// them itself.
func (r *reader) proftpd(text string) { r.proftpdWith(text, nil) }

func (r *reader) proftpdWith(text string, others []File) {
	main := &context{FTPServer: oldconfig.FTPServer{Line: r.at(1, "")}}
	p := &proftpdReader{reader: r, main: main, global: &context{}, current: main, contexts: []*context{main}, others: others}
	p.read(text)
	for _, c := range p.contexts {
		r.addProftpd(c, p.global)
	}
}

func (p *proftpdReader) read(text string) {
	p.within = append(p.within, p.name)
	for l := range p.directives(text) {
		words := proftpdWords(l.Text)
		if len(words) == 0 {
			continue
		}
		switch name := strings.ToLower(strings.Trim(words[0], "<>")); {
		case !strings.HasPrefix(words[0], "<"):
			p.directive(name, words[1:], l)
		case name == "virtualhost":
			p.current = &context{FTPServer: oldconfig.FTPServer{Line: l}}
			p.contexts = append(p.contexts, p.current)
		case name == "global":
			p.current = p.global
		case name == "/virtualhost" || name == "/global":
			p.current = p.main
		case strings.HasPrefix(name, "/"):
			p.depth--
		default:
			p.depth++
		}
	}
	p.within = p.within[:len(p.within)-1]
}

// directive reads a directive. Blocks such as IfModule may not count, so what matters in one is not
// understood.
func (p *proftpdReader) directive(name string, words []string, l oldconfig.Line) {
	first := ""
	if len(words) > 0 {
		first = words[0]
	}
	switch name {
	case "passiveports", "masqueradeaddress", "port", "rootrevoke", "include":
		if p.depth > 0 {
			p.config.AddNotUnderstood(l, "%s depends on what the file does not say: write it outside of blocks", words0(l))
			return
		}
	}
	c := p.current
	switch name {
	case "include":
		p.include(first, l)
	case "passiveports":
		p.setProftpdRange(c, words, l)
	case "masqueradeaddress":
		c.hasAddress = true
		p.setAddress(&c.FTPServer, first, l)
	case "port":
		c.hasPort = p.setPort(&c.Listen, first, l)
	case "rootrevoke":
		c.noRoot = strings.EqualFold(first, "on") || strings.EqualFold(first, "UseNonCompliantActiveTransfer")
	}
}

// setProftpdRange sets the passive ports. proftpd does not start with ports below 1024, or a
// lowest port that is not below the highest one. It ignores more parameters.
func (r *reader) setProftpdRange(c *context, words []string, l oldconfig.Line) {
	if len(words) < 2 {
		r.config.AddNotUnderstood(l, "PassivePorts does not have two ports")
		return
	}
	c.hasRange, c.Line = true, l
	f := &c.FTPServer
	if r.setRange(f, words[0], words[1], l); f.PassivePort.Low == 0 {
		return
	}
	if f.PassivePort.Low < 1024 || f.PassivePort.Low == f.PassivePort.High {
		r.config.AddNotUnderstood(l, "proftpd does not start with these passive ports: they must be two different ports from 1024 on")
	}
}

func words0(l oldconfig.Line) string { return strings.Fields(l.Text)[0] }

// addProftpd adds a server. Active data leaves from the port below the control port, unless
// the server has given up root. Port 0 is a server that does not listen.
func (r *reader) addProftpd(c, global *context) {
	if !c.hasRange {
		c.PassivePort = global.PassivePort
	}
	if !c.hasAddress {
		c.Address = global.Address
	}
	if !c.hasPort {
		c.Listen = controlPort
	}
	if c.Listen == 0 {
		return
	}
	c.Program = "proftpd"
	if !c.noRoot && !global.noRoot {
		c.ActivePort = c.Listen - 1
	}
	r.config.FTP = append(r.config.FTP, &c.FTPServer)
}
