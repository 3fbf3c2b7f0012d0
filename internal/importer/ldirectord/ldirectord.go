// Package ldirectord reads virtual services from ldirectord.cf. Like ldirectord itself
// (read_config and ld_setup of ldirectord 4.12), it makes commands of ipvsadm of them.
package ldirectord

import (
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name is the name of the language.
const Name = "ldirectord.cf"

// Recognises reports whether the text has a line "virtual = …" without indentation, and is
// no script.
func Recognises(text string) bool {
	if strings.HasPrefix(text, "#!") {
		return false
	}
	for line := range strings.Lines(text) {
		key, _, found := strings.Cut(line, "=")
		if key = strings.TrimRight(key, " \t"); found && (key == "virtual" || key == "virtual6") {
			return true
		}
	}
	return false
}

// Read reads ldirectord.cf.
func Read(name, text string) (*oldconfig.Config, error) {
	r := &reader{state: ipvsadm.NewState(), seen: make(map[service]bool), fallbacks: make(map[int]bool), off: make(map[int]bool)}
	r.state.Derived = true
	r.global, r.inVirtual = globalValues(), virtualValues()
	number := 0
	for raw := range strings.Lines(text) {
		number++
		line := oldconfig.Line{File: name, Number: number, Text: strings.TrimRight(raw, "\r\n")}
		r.line(strings.TrimSuffix(raw, "\n"), line)
	}
	r.finish()
	for _, v := range r.virtuals { // a global fallback may stand behind them
		r.addFallback(v)
	}
	return r.result(), nil
}

// A reader collects the current virtual service.
type reader struct {
	state     *ipvsadm.State
	remarks   oldconfig.Config
	virtual   *virtual
	fallback  [2]*setting // global, for IPv4 and IPv6
	virtuals  []*virtual
	seen      map[service]bool
	fallbacks map[int]bool // lines of fallback servers
	off       map[int]bool // lines of virtual services without servers

	global, inVirtual valueTable
}

// A setting is a value with its line.
type setting struct {
	value string
	oldconfig.Line
}

// line reads a line. The lines of a virtual service are indented by four spaces or a tab;
// any other line, also an empty one, ends it. Comments behind values are comments there only.
func (r *reader) line(raw string, l oldconfig.Line) {
	if strings.HasPrefix(strings.TrimLeft(raw, " \t"), "#") {
		return
	}
	text, _, _ := strings.Cut(raw, "#")
	text = strings.ReplaceAll(text, "\t", "    ")
	if indented, inside := strings.CutPrefix(text, "    "); r.virtual != nil && inside && indented != "" {
		r.setting(r.virtual, strings.TrimLeft(indented, " "), l)
		return
	}
	r.finish()
	key, v, _ := strings.Cut(raw, "=")
	key = strings.TrimRight(key, " \t\r")
	s := setting{strings.Trim(v, space), l}
	switch {
	case strings.TrimSpace(raw) == "":
	case key == "virtual" || key == "virtual6":
		r.begin(key == "virtual6", s)
	default:
		r.check(r.global, key, strings.TrimLeft(v, " \t"), s)
		r.globalSetting(key, s)
	}
}

// globalSetting reads a setting outside of virtual services.
func (r *reader) globalSetting(key string, s setting) {
	switch key {
	case "fallback":
		r.fallback[0] = &s
	case "fallback6":
		r.fallback[1] = &s
	case "callback", "fallbackcommand", "execute":
		r.remarks.AddFinding(s.Line, "%s runs %s: what it does to rules and services is not compared", key, s.value)
	case "quiescent":
		r.remarks.AddFinding(s.Line, "quiescent is not part of a spec: lvsmark does not check real servers")
	case "checktimeout", "negotiatetimeout", "checkinterval", "checkcount", "failurecount", "autoreload", "logfile", "fork",
		"supervised", "readdquiescent", "emailalert", "emailalertfreq", "emailalertstatus", "emailalertfrom", "cleanstop",
		"smtp", "maintenancedir":
		// They belong to checks, which have a finding, and to the daemon.
	default:
		r.remarks.AddNotUnderstood(s.Line, "%s is unknown; settings of a virtual service follow it without an empty line, and are indented by four spaces", strings.TrimSpace(key))
	}
}

// begin reads "virtual = ADDRESS:PORT" or "virtual = MARK".
func (r *reader) begin(six bool, s setting) {
	text, _, _ := strings.Cut(s.value, "#")
	text, _, _ = strings.Cut(text, " ")
	v := &virtual{service: service{six: six}, scheduler: "wrr", Line: s.Line}
	r.virtual = v
	if _, ok := value.Number(text, 1, 1<<32-1); ok {
		v.mark = text
		return
	}
	addr, port, hasPort, ok := value.Endpoint(text)
	if !ok || !hasPort || addr.Is6() != six {
		v.rejected = true
		r.remarks.AddNotUnderstood(s.Line, "the virtual service is not ADDRESS:PORT, or MARK, or [ADDRESS]:PORT of virtual6; names are not looked up")
		return
	}
	v.address = netip.AddrPortFrom(addr, port)
	v.protocol = "tcp"
	if port == 53 {
		v.protocol = "udp"
	}
}

// result returns the services, with fallback servers and those that are off.
func (r *reader) result() *oldconfig.Config {
	c := r.state.Config()
	for _, s := range c.Services {
		for i := range s.RealServers {
			server := &s.RealServers[i]
			server.Fallback = r.fallbacks[server.Number]
			server.Disabled = r.off[s.Number]
		}
	}
	r.remarks.Join(c)
	return &r.remarks
}
