package ldirectord

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/value"
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
	key, word, found := strings.Cut(text, "=")
	key, word = strings.TrimSpace(key), strings.TrimSpace(word)
	s := setting{word, l}
	plain := map[string]*string{"scheduler": &v.scheduler, "persistent": &v.persistent, "netmask": &v.netmask, "schedflags": &v.flags}
	switch {
	case !found:
		r.remarks.AddNotUnderstood(l, "the line has no =")
	case plain[key] != nil:
		*plain[key] = word
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

// maxRange is the number of real servers that a range may have.
const maxRange = 1 << 16

// real reads "ADDRESS[->LAST][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]".
func (r *reader) real(v *virtual, s setting) {
	words := splitReal(s.value)
	first, last, port, ok := parseServers(words[0])
	options, known := realOptions(words[1:])
	if !ok || !known {
		r.remarks.AddNotUnderstood(s.Line, "the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up")
		return
	}
	for n, addr := 0, first; ; addr = addr.Next() {
		if n++; n > maxRange {
			r.remarks.AddNotUnderstood(s.Line, "the range has more than %d real servers", maxRange)
			return
		}
		server := netip.AddrPortFrom(addr, port).String()
		r.state.Run(slices.Concat([]string{"-a"}, v.key(), []string{"-r", server}, options), s.Line)
		if addr == last {
			return
		}
	}
}

// splitReal splits at space, and leaves out the quoted request and response of the check.
func splitReal(text string) []string {
	if before, quoted, found := strings.Cut(text, `"`); found {
		after := quoted[strings.LastIndexByte(`"`+quoted, '"'):]
		text = before + " " + after
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return []string{""}
	}
	return words
}

func parseServers(text string) (first, last netip.Addr, port uint16, ok bool) {
	low, high, isRange := strings.Cut(text, "->")
	if !isRange {
		first, port, _, ok = value.Endpoint(text)
		return first, first, port, ok
	}
	first, ok = value.Address(low)
	last, port, _, known := value.Endpoint(high)
	return first, last, port, ok && known && first.Is4() && last.Is4() && !last.Less(first)
}

// methods are the options of ipvsadm for forwarding methods.
var methods = map[string]string{"gate": "-g", "masq": "-m", "ipip": "-i"}

func realOptions(words []string) ([]string, bool) {
	if len(words) == 0 || methods[words[0]] == "" {
		return nil, false
	}
	options := []string{methods[words[0]]}
	for i, word := range words[1:] {
		name, number, found := strings.Cut(word, ":")
		switch {
		case !found && i == 0:
			options = append(options, "-w", word)
		case found && name == "l":
			options = append(options, "-y", number)
		case found && name == "u":
			options = append(options, "-x", number)
		default:
			return nil, false
		}
	}
	return options, true
}

// addFallback adds the fallback server of the virtual service, or the global one. A global
// one has no port of its own for a mark.
func (r *reader) addFallback(v *virtual) {
	s := v.fallback
	if s == nil && v.mark == "" {
		s = r.fallback[map[bool]int{true: 1}[v.six]]
	}
	if s == nil {
		return
	}
	words := strings.Fields(s.value)
	if len(words) == 0 || len(words) > 2 {
		words = []string{""}
	}
	addr, port, hasPort, ok := value.Endpoint(words[0])
	method := "-g"
	if len(words) == 2 {
		method = methods[words[1]]
	}
	if !ok || method == "" {
		r.remarks.AddNotUnderstood(s.Line, "the fallback server is not ADDRESS[:PORT] [gate|masq|ipip]; names are not looked up")
		return
	}
	if !hasPort {
		port = v.address.Port()
	}
	r.fallbacks[s.Number] = true
	r.remarks.AddFinding(s.Line, "the fallback server of %s is not part of a spec: lvsmark does not check real servers", strings.Join(v.key(), " "))
	r.state.Run(slices.Concat([]string{"-a"}, v.key(), []string{"-r", netip.AddrPortFrom(addr, port).String(), method}), s.Line)
}
