package keepalived

import (
	"math/big"
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A group is a block virtual_server_group.
type group struct {
	entries []entry
	oldconfig.Line
}

// An entry is a range of addresses with a port, or a mark.
type entry struct {
	first, last netip.Addr
	port        uint16
	mark        uint32
	family      config.Family // of a mark; 0: that of the service
	oldconfig.Line
}

func (r *reader) group(n *node) {
	name := n.word(1)
	if other := r.groups[name]; other != nil {
		r.config.AddNotUnderstood(n.Line, "there is another group %s in %s", name, other.Line)
		return
	}
	g := &group{Line: n.Line}
	r.groups[name] = g
	for _, s := range n.block {
		if r.opaque(s) {
			continue
		}
		e, ok := parseEntry(s.words)
		if !ok {
			r.config.AddNotUnderstood(s.Line, "the entry has another form than ADDRESS PORT, FIRST-LAST PORT, NETWORK/LENGTH PORT, fwmark MARK [inet|inet6]")
			continue
		}
		e.Line = s.Line
		g.entries = append(g.entries, e)
	}
}

func parseEntry(words []string) (entry, bool) {
	if words[0] == "fwmark" {
		return parseMark(words[1:])
	}
	if len(words) > 2 {
		return entry{}, false
	}
	first, last, ok := parseRange(words[0])
	port := uint64(0)
	if ok && len(words) == 2 {
		port, ok = value.Number(words[1], 0, 65535)
	}
	return entry{first: first, last: last, port: uint16(port)}, ok
}

func parseMark(words []string) (entry, bool) {
	if len(words) == 0 || len(words) > 2 {
		return entry{}, false
	}
	mark, ok := value.Number(words[0], 1, 1<<32-1)
	e := entry{mark: uint32(mark)}
	if ok && len(words) == 2 {
		e.family = map[string]config.Family{"inet": config.IPv4, "inet6": config.IPv6}[words[1]]
		ok = e.family != 0
	}
	return e, ok
}

// parseRange parses an address, a network, FIRST-LAST, and FIRST-N, where N replaces the
// last byte of an IPv4 address, or the last two bytes, in hexadecimal, of an IPv6 address.
func parseRange(text string) (first, last netip.Addr, ok bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		last = lastOf(prefix)
		return prefix.Addr(), last, prefix.Bits() > 0 && prefix.Masked() == prefix && !prefix.Addr().Is4In6()
	}
	low, high, isRange := strings.Cut(text, "-")
	if first, ok = value.Address(low); !ok || !isRange {
		return first, first, ok
	}
	if last, ok = value.Address(high); !ok {
		last, ok = replaceEnd(first, high)
	}
	return first, last, ok && first.BitLen() == last.BitLen() && !last.Less(first)
}

func replaceEnd(addr netip.Addr, end string) (netip.Addr, bool) {
	if addr.Is4() {
		n, ok := value.Number(end, 0, 255)
		b := addr.As4()
		b[3] = byte(n)
		return netip.AddrFrom4(b), ok
	}
	last, err := netip.ParseAddr("::" + end)
	b, tail := addr.As16(), [16]byte{}
	if err == nil {
		tail = last.As16()
	}
	b[14], b[15] = tail[14], tail[15]
	return netip.AddrFrom16(b), err == nil && !strings.ContainsAny(end, ":.%")
}

func lastOf(prefix netip.Prefix) netip.Addr {
	b := prefix.Masked().Addr().AsSlice()
	for i := prefix.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// size returns the number of addresses of the range.
func (e entry) size() *big.Int {
	first, last := new(big.Int).SetBytes(e.first.AsSlice()), new(big.Int).SetBytes(e.last.AsSlice())
	return last.Sub(last, first).Add(last, big.NewInt(1))
}
