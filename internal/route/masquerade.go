package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Masquerade knows the source addresses that masquerade gives to packets. It reads the IPv4
// addresses of a device once for each next hop, and the IPv6 addresses once.
type Masquerade struct {
	routes *Table
	known  map[nextHop]netip.Addr

	candidates []candidate // nil: not read yet
}

type nextHop struct {
	device  uint32
	address netip.Addr
}

// NewMasquerade returns a Masquerade that asks for routes by the table.
func NewMasquerade(routes *Table) *Masquerade {
	return &Masquerade{routes: routes, known: map[nextHop]netip.Addr{}}
}

// To returns the source address of masqueraded packets to an address. It is not valid if there is
// no route, or if the host itself is the destination.
//
// In IPv4, it is an address of the device, whatever source the route has (nf_nat_masquerade_ipv4
// of net/netfilter/nf_nat_masquerade.c). In IPv6, it is that of packets of the host, unless the route
// has a source of its own (nf_nat_masquerade_ipv6).
func (m *Masquerade) To(to netip.Addr) (source netip.Addr, err error) {
	way, err := m.routes.To(to, 0)
	if err != nil || way.Refused != 0 || way.IsLocal() {
		return source, err
	}
	if to.Is4() {
		hop := way.Gateway
		if !hop.Is4() {
			hop = to
		}
		source, err = m.selected(nextHop{way.Device, hop})
	} else if own, failed := m.routes.ownSource(to); failed != nil {
		err = failed
	} else if own.IsValid() {
		source, err = m.selectedIPv6(way.Device, to)
	}
	if err != nil || source.IsValid() {
		return source, err
	}
	return m.routes.Source(to) // for a device without an address, the kernel searches all in both cases
}

// selected returns the first address of global scope of a device in whose network the next
// hop is, or else its first one (inet_select_addr of net/ipv4/devinet.c); not valid: it has none.
func (m *Masquerade) selected(hop nextHop) (source netip.Addr, err error) {
	if source, known := m.known[hop]; known {
		return source, nil
	}
	for range ruleTries {
		if source, err = readSelected(hop); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return source, fmt.Errorf("list addresses: %w", netlink.Explain(err))
	}
	m.known[hop] = source
	return source, nil
}

// readSelected uses a connection of its own, because it may leave the rest of an answer unread: a
// device may have thousands of VIPs.
func readSelected(hop nextHop) (first netip.Addr, err error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{StrictCheck: true})
	if err != nil {
		return first, err
	}
	defer c.Close()
	header := make([]byte, unix.SizeofIfAddrmsg) // struct ifaddrmsg
	header[0] = familyNumber(config.IPv4)
	binary.NativeEndian.PutUint32(header[ifaDevice:], hop.device)
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETADDR, Flags: unix.NLM_F_DUMP, Header: header}) {
		var a netip.Prefix
		if err == nil {
			a, err = decodeGlobal(m, hop.device)
		}
		switch {
		case err != nil:
			return first, err
		case a.IsValid() && a.Contains(hop.address):
			return a.Addr(), nil
		case a.IsValid() && !first.IsValid():
			first = a.Addr()
		}
	}
	return first, nil
}

// Offsets in struct ifaddrmsg of linux/if_addr.h.
const (
	ifaLength = 1 // of the prefix
	ifaScope  = 3
	ifaDevice = 4
)

// decodeGlobal decodes an RTM_NEWADDR message; not valid: the address has another scope or device.
// Secondary addresses count too: they follow the primary one of their network.
func decodeGlobal(m netlink.Message, device uint32) (address netip.Prefix, err error) {
	attributes, err := m.Attributes(unix.SizeofIfAddrmsg)
	if err != nil || m.Type != unix.RTM_NEWADDR {
		return address, netlink.ErrMalformed
	}
	if m.Data[ifaScope] != unix.RT_SCOPE_UNIVERSE || binary.NativeEndian.Uint32(m.Data[ifaDevice:]) != device {
		return address, nil
	}
	d := netlink.Decode(attributes)
	for d.Next() {
		if d.Type() == unix.IFA_LOCAL {
			local, _ := netip.AddrFromSlice(d.Bytes())
			address = netip.PrefixFrom(local, int(m.Data[ifaLength]))
		}
	}
	return address, d.Err()
}
