package ldirectord

import (
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A service is the key of a virtual service.
type service struct {
	six      bool
	mark     string // else address
	address  netip.AddrPort
	protocol string // tcp, udp; empty for a mark
}

// A virtual is a virtual service.
type virtual struct {
	service

	scheduler, persistent, netmask, flags string
	ops                                   bool
	reals                                 []setting
	fallback                              *setting
	check                                 *setting // checktype
	rejected                              bool
	oldconfig.Line
}

// setting reads a line of a virtual service.
func (r *reader) setting(v *virtual, text string, l oldconfig.Line) {
	key, raw, found := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	word := strings.Trim(raw, space)
	s := setting{word, l}
	name := key
	if name == netmask4 && v.six {
		name = netmask6
	}
	taken := r.check(r.inVirtual, name, raw, s)
	plain := map[string]*string{"scheduler": &v.scheduler, "persistent": &v.persistent, "netmask": &v.netmask, "schedflags": &v.flags}
	switch {
	case !found && word == "" && key == "":
		r.remarks.AddNotUnderstood(l, "ldirectord does not start with this line: it has space alone, and more than four characters of it")
	case !found:
		r.remarks.AddNotUnderstood(l, "the line has no =")
	case plain[key] != nil:
		*plain[key] = taken
		if key == "persistent" && taken == "1" {
			r.remarks.AddOneSecond(l, "persistent=1")
		}
	case key == "real" && !v.six, key == "real6" && v.six:
		v.reals = append(v.reals, s)
	case key == "fallback" && !v.six, key == "fallback6" && v.six:
		v.fallback = &s
	case key == "protocol":
		r.setProtocol(v, s)
	case key == "ops":
		v.ops = word == "yes"
	case key == "checktype":
		v.check = &s
	default:
		r.supervision(key, s)
	}
}

// supervision reads settings about checks and the daemon: a spec has none of them.
func (r *reader) supervision(key string, s setting) {
	switch key {
	case "fallbackcommand", "checkcommand":
		r.remarks.AddFinding(s.Line, "%s runs %s: what it does to rules and services is not compared", key, s.value)
	case "quiescent":
		r.remarks.AddFinding(s.Line, "quiescent is not part of a spec: lvsmark does not check real servers")
	case "service", "request", "receive", "checktimeout", "negotiatetimeout", "checkcount", "failurecount", "checkinterval",
		"checkport", "login", "passwd", "database", "secret", "load", "httpmethod", "virtualhost", "emailalert",
		"emailalertfreq", "emailalertstatus", "monitorfile", "cleanstop", "smtp", "servicename", "comment":
		// They belong to checks, which have a finding, and to the daemon.
	default:
		r.remarks.AddNotUnderstood(s.Line, "%s is unknown in a virtual service", key)
	}
}

func (r *reader) setProtocol(v *virtual, s setting) {
	switch {
	case v.mark != "" && s.value == "fwm":
	case v.mark == "" && (s.value == "tcp" || s.value == "udp"):
		v.protocol = s.value
	default:
		r.remarks.AddNotUnderstood(s.Line, "protocol %q does not fit the service", s.value)
	}
}

// finish adds the current virtual service.
func (r *reader) finish() {
	v := r.virtual
	r.virtual = nil
	if v == nil || v.rejected {
		return
	}
	if r.seen[v.service] {
		r.remarks.AddNotUnderstood(v.Line, "there is another virtual service of this address, protocol and port, or mark")
		return
	}
	r.seen[v.service] = true
	r.virtuals = append(r.virtuals, v)
	r.remarkCheck(v)
	r.state.Run(append([]string{"-A"}, v.words()...), v.Line)
	for _, real := range v.reals {
		r.real(v, real)
	}
}

// remarkCheck records the check of a virtual service; the default is negotiate.
func (r *reader) remarkCheck(v *virtual) {
	kind, line := "negotiate", v.Line
	if v.check != nil {
		kind, line = v.check.value, v.check.Line
	}
	switch kind {
	case "on":
	case "off":
		r.off[v.Number] = true
		r.remarks.AddFinding(line, "the real servers are off: with checktype = off, ldirectord adds none")
	default:
		r.remarks.AddFinding(line, "the check of real servers (checktype = %s) is not part of a spec", kind)
	}
}

// key returns the words of ipvsadm that name the service.
func (v service) key() []string {
	switch {
	case v.mark != "" && v.six:
		return []string{"-f", v.mark, "-6"}
	case v.mark != "":
		return []string{"-f", v.mark}
	}
	return []string{"-" + v.protocol[:1], v.address.String()}
}

func (v *virtual) words() []string {
	words := v.key()
	if v.ops && v.protocol == "udp" {
		words = append(words, "-o")
	}
	words = append(words, "-s", v.scheduler)
	if v.persistent != "" {
		words = append(words, "-p", v.persistent)
		if v.netmask != "" {
			words = append(words, "-M", v.netmask)
		}
	}
	if v.flags != "" {
		words = append(words, "-b", v.flags)
	}
	return words
}
