// Package value parses the values that several readers meet: addresses, ports, netmasks.
// What it does not understand, a reader reports by line: it never asks a name server or
// /etc/services, whose answers differ between machines.
package value

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// SCTP is the IP protocol number of SCTP.
const SCTP config.Protocol = 132

// Address parses an address without a zone. It refuses IPv4-mapped addresses.
func Address(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(text)
	return addr, err == nil && addr.Zone() == "" && !addr.Is4In6()
}

// Number parses a decimal number from low to high, without a sign.
func Number(text string, low, high uint64) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && !strings.HasPrefix(text, "+") && low <= n && n <= high
}

// Port parses a port number, 0 included, or the name of a common port.
func Port(text string) (uint16, bool) {
	if n, ok := Number(text, 0, 65535); ok {
		return uint16(n), true
	}
	port, ok := portNames[text]
	return port, ok
}

// portNames are names that /etc/services has had for decades, each with the same number for
// every protocol.
var portNames = map[string]uint16{
	"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53,
	"http": 80, "www": 80, "pop3": 110, "nntp": 119, "ntp": 123, "imap2": 143, "ldap": 389,
	"https": 443, "submission": 587, "ldaps": 636, "ftps-data": 989, "ftps": 990,
	"imaps": 993, "pop3s": 995, "ms-sql-s": 1433, "mysql": 3306, "sip": 5060, "postgresql": 5432,
}

// Endpoint parses "address", "address:port", "[address]:port" and a bare IPv6 address.
// hasPort reports whether there is a port.
func Endpoint(text string) (addr netip.Addr, port uint16, hasPort, ok bool) {
	if addr, ok = Address(text); ok {
		return addr, 0, false, true
	}
	host, name := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, name, hasPort = text[:i], text[i+1:], true
	}
	bracketed := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
	if bracketed {
		host = host[1 : len(host)-1]
	}
	addr, ok = Address(host)
	if !ok || addr.Is6() != bracketed {
		return netip.Addr{}, 0, false, false
	}
	if hasPort {
		port, ok = Port(name)
	}
	return addr, port, hasPort, ok
}

// Netmask parses a dotted IPv4 mask, or a number, which inet_aton(3) takes as the whole mask: 24 is
// 0.0.0.24. raw is the mask if it is not contiguous, else 0.
func Netmask(text string) (length int, raw uint32, ok bool) {
	if n, ok := Number(text, 0, 1<<32-1); ok {
		text = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
	}
	addr, ok := Address(text)
	if !ok || !addr.Is4() {
		return 0, 0, false
	}
	b := addr.As4()
	mask := binary.BigEndian.Uint32(b[:])
	ones := bits.LeadingZeros32(^mask)
	if bits.OnesCount32(mask) != ones {
		return 0, mask, true
	}
	return ones, 0, true
}
