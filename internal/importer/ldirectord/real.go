package ldirectord

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/value"
)

// maxRange is the number of real servers that a range may have.
const maxRange = 1 << 16

// real reads "ADDRESS[->LAST][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]".
func (r *reader) real(v *virtual, s setting) {
	servers, flags, _ := cutSpace(s.value)
	first, last, port, ok := parseServers(servers)
	options, known := realOptions(flags)
	if !ok || !known {
		r.remarks.AddNotUnderstood(s.Line, "the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up")
		return
	}
	addresses := []netip.Addr{first}
	if strings.Contains(servers, "->") {
		if addresses, ok = addressRange(first, last); !ok {
			r.remarks.AddNotUnderstood(s.Line, "the range has more than %d real servers, as ldirectord reads it: it compares addresses as texts of decimal numbers", maxRange)
			return
		}
		if count := number(last) - number(first) + 1; uint64(len(addresses)) != count {
			r.remarks.AddFinding(s.Line, "ldirectord adds %d of the %d real servers of this range: it compares addresses as texts of decimal numbers", len(addresses), count)
		}
	}
	for _, addr := range addresses {
		server := netip.AddrPortFrom(addr, port).String()
		r.state.Run(slices.Concat([]string{"-a"}, v.key(), []string{"-r", server}, options), s.Line)
	}
}

// addressRange returns the addresses that ldirectord reads for a range (add_real_server_range): it
// counts up from the first address, and ends when the decimal number of the address is greater
// than that of the last one by the order of texts (the operator le of Perl). It reports whether
// these are maxRange addresses at most.
func addressRange(first, last netip.Addr) (addresses []netip.Addr, ok bool) {
	end := strconv.FormatUint(number(last), 10)
	for n := number(first); strconv.FormatUint(n, 10) <= end; n++ {
		if len(addresses) == maxRange {
			return nil, false
		}
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], uint32(n))
		addresses = append(addresses, netip.AddrFrom4(addr))
	}
	return addresses, true
}

// number returns an IPv4 address as a number.
func number(addr netip.Addr) uint64 {
	bytes := addr.As4()
	return uint64(binary.BigEndian.Uint32(bytes[:]))
}

// cutSpace cuts the text at the first space.
func cutSpace(text string) (before, after string, found bool) {
	at := strings.IndexAny(text, space)
	if at < 0 {
		return text, "", false
	}
	return text[:at], strings.TrimLeft(text[at:], space), true
}

// space has the characters that \s of Perl matches.
const space = " \t\r\v\f\n"

func parseServers(text string) (first, last netip.Addr, port uint16, ok bool) {
	low, high, isRange := strings.Cut(text, "->")
	if !isRange {
		first, port, _, ok = endpoint(text)
		return first, first, port, ok
	}
	first, ok = value.Address(low)
	last, port, _, known := value.Endpoint(high)
	return first, last, port, ok && known && first.Is4() && last.Is4() && !last.Less(first)
}

// endpoint parses an address with or without a port. ldirectord takes [ADDRESS] without a port,
// ipvsadm does not.
func endpoint(text string) (addr netip.Addr, port uint16, hasPort, ok bool) {
	if inner, found := strings.CutSuffix(text, "]"); found {
		text = strings.TrimPrefix(inner, "[")
	}
	return value.Endpoint(text)
}

// methods are the options of ipvsadm for forwarding methods.
var methods = map[string]string{"gate": "-g", "masq": "-m", "ipip": "-i"}

// Patterns of what follows the address of a real server, as add_real_server of ldirectord has
// them, in its order. None has an anchor: each one skips any text ahead of what it matches.
var (
	methodPattern  = regexp.MustCompile(`(\w+)(.*)`)
	weightPattern  = regexp.MustCompile(`[\s\v]+(\d+)(.*)`)
	requestPattern = regexp.MustCompile(`[\s\v]+"(?:.*)"[, ][\s\v]*"(.*)"(.*)`)
	lowerPattern   = regexp.MustCompile(`[\s\v]+l:(\d+)(.*)`)
	upperPattern   = regexp.MustCompile(`[\s\v]+u:(\d+)(.*)`)
)

// realOptions returns the options of ipvsadm for what follows the address of a real server. It
// reports whether ldirectord takes the text: only what is left behind the last match must be empty.
func realOptions(flags string) (options []string, ok bool) {
	found := methodPattern.FindStringSubmatch(flags)
	if found == nil || methods[found[1]] == "" {
		return nil, false
	}
	options, flags = []string{methods[found[1]]}, found[2]
	for _, next := range []struct {
		pattern *regexp.Regexp
		option  string // empty for the request and response of a check
	}{{weightPattern, "-w"}, {requestPattern, ""}, {lowerPattern, "-y"}, {upperPattern, "-x"}} {
		found := next.pattern.FindStringSubmatch(flags)
		if found == nil {
			continue
		}
		flags = found[2]
		if next.option != "" {
			options = append(options, next.option, found[1])
		}
	}
	return options, strings.Trim(flags, space) == ""
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
	words = words[max(0, len(words)-2):] // ldirectord skips others ahead of these
	if len(words) == 0 {
		words = []string{""}
	}
	addr, port, hasPort, ok := endpoint(words[0])
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
