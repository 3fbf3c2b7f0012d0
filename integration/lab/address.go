package lab

import (
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// The addresses of a lab, in networks of RFC 5737, RFC 3849, RFC 1918 and RFC 4193.
//
//	             client network       server network
//	director     198.51.100.1         10.0.0.1
//	VIP          198.51.100.21
//	real servers 198.51.100.11 …      10.0.0.11 …
//	clients      198.51.100.100 …
//
// IPv6 addresses have the same last digits in 2001:db8:1::/64 and fd00:10::/64. Real
// servers are on the client network only if they reply without the director.
const (
	directorNumber    = 1
	firstServerNumber = 11
	VIPNumber         = 21
	firstClientNumber = 100
	clients           = 150
	maxRealServers    = 9
)

// VIP returns the address that clients connect to.
func VIP(f config.Family) netip.Addr { return Outside(f, VIPNumber) }

// Outgoing returns the director's own address on the client network.
func Outgoing(f config.Family) netip.Addr { return Outside(f, directorNumber) }

// Inside is the director's address on the server network.
func Inside(f config.Family) netip.Addr { return inside(f, directorNumber) }

// Outside returns an address on the client network.
func Outside(f config.Family, number int) netip.Addr {
	if f == config.IPv4 {
		return netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", number))
	}
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%d", number))
}

// inside returns an address on the server network.
func inside(f config.Family, number int) netip.Addr {
	if f == config.IPv4 {
		return netip.MustParseAddr(fmt.Sprintf("10.0.0.%d", number))
	}
	return netip.MustParseAddr(fmt.Sprintf("fd00:10::%d", number))
}

func networkBits(f config.Family) int {
	if f == config.IPv4 {
		return 24
	}
	return 64
}

// ClientAddress returns an unused address of the client: no persistence template
// exists for it, and its connections belong to one session only.
func (l *Lab) ClientAddress(f config.Family) (netip.Addr, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nextClient == clients {
		return netip.Addr{}, fmt.Errorf("the lab's %d client addresses are used up: open another lab", clients)
	}
	l.nextClient++
	return Outside(f, firstClientNumber+l.nextClient-1), nil
}
