package iptables

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxMaskRanges limits the ranges of a mask with holes, such as 255.255.0.255.
const maxMaskRanges = 256

// parseNetwork reads an address of -s or -d: ADDRESS, ADDRESS/LENGTH or ADDRESS/MASK. A
// mask may have holes. It reads no names of hosts.
func parseNetwork(family oldconfig.Family, text string) ([]oldconfig.Range, bool) {
	text, mask, masked := strings.Cut(text, "/")
	addr, ok := parseAddress(family, text)
	if !ok {
		return nil, false
	}
	if !masked {
		return []oldconfig.Range{addressRange(addr, addr)}, true
	}
	if length, ok := parseNumber(mask, uint64(family.Bits())); ok { // octal and hexadecimal too
		prefix := netip.PrefixFrom(addr, int(length))
		return []oldconfig.Range{prefixRange(prefix)}, prefix.IsValid()
	}
	holes, err := netip.ParseAddr(mask)
	if err != nil || config.FamilyOf(holes) != family {
		return nil, false
	}
	if length, ok := lengthOf(holes); ok {
		return []oldconfig.Range{prefixRange(netip.PrefixFrom(addr, length))}, true
	}
	if family == config.IPv6 {
		return nil, false
	}
	return maskedRanges(addr, holes)
}

// parseAddress reads an address as iptables does: the numbers of an IPv4 address may be
// octal or hexadecimal, and those that are missing at the end are 0.
func parseAddress(family oldconfig.Family, text string) (netip.Addr, bool) {
	if family == config.IPv6 {
		addr, err := netip.ParseAddr(text)
		return addr, err == nil && addr.Is6() && addr.Zone() == ""
	}
	var b [4]byte
	parts := strings.Split(text, ".")
	if len(parts) > len(b) {
		return netip.Addr{}, false
	}
	for i, part := range parts {
		n, ok := parseNumber(part, 255)
		if !ok {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}

// prefixRange returns the addresses of a valid prefix.
func prefixRange(p netip.Prefix) oldconfig.Range {
	if !p.IsValid() {
		return oldconfig.Range{}
	}
	low := addressNumber(p.Masked().Addr())
	host := p.Addr().BitLen() - p.Bits()
	high := low
	if host >= 64 {
		high.High |= 1<<(host-64) - 1
		high.Low = 1<<64 - 1
	} else {
		high.Low |= 1<<host - 1
	}
	return oldconfig.Range{Low: low, High: high}
}

// lengthOf returns the prefix length of a mask without holes.
func lengthOf(mask netip.Addr) (int, bool) {
	length, ended := 0, false
	for _, b := range mask.AsSlice() {
		ones := bits.LeadingZeros8(^b)
		if b<<ones != 0 || ended && ones > 0 {
			return 0, false
		}
		length += ones
		ended = ended || ones < 8
	}
	return length, true
}

// maskedRanges returns the addresses that equal addr in the bits of the mask, in order.
func maskedRanges(addr, mask netip.Addr) ([]oldconfig.Range, bool) {
	a4, m4 := addr.As4(), mask.As4()
	a, m := binary.BigEndian.Uint32(a4[:]), binary.BigEndian.Uint32(m4[:])
	low := bits.TrailingZeros32(m) // free bits at the end: one range
	free := ^m &^ (1<<low - 1)
	if bits.OnesCount32(free) > bits.Len(maxMaskRanges)-1 {
		return nil, false
	}
	var ranges []oldconfig.Range
	for part := uint32(0); ; part = (part - free) & free {
		from := a&m | part
		ranges = append(ranges, oldconfig.Range{Low: number(uint64(from)), High: number(uint64(from | (1<<low - 1)))})
		if part == free {
			return ranges, true
		}
	}
}

// parseAddressRange reads ADDRESS or ADDRESS-ADDRESS.
func parseAddressRange(family oldconfig.Family, text string) (oldconfig.Range, bool) {
	from, to, isRange := strings.Cut(text, "-")
	low, ok := parseAddress(family, from)
	high := low
	if ok && isRange {
		high, ok = parseAddress(family, to)
	}
	return addressRange(low, high), ok && low.Compare(high) <= 0
}
