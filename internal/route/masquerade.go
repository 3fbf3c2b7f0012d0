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

// A Masquerade knows the source addresses that masquerade gives to packets. It reads the addresses
// of a device once.
type Masquerade struct {
	routes  *Table
	devices map[uint32][]netip.Prefix
}

// NewMasquerade returns a Masquerade that asks for routes by the table.
func NewMasquerade(routes *Table) *Masquerade {
	return &Masquerade{routes, map[uint32][]netip.Prefix{}}
}

// To returns the source address of masqueraded packets to an address. It is not valid if there is
// no route, or if the host itself is the destination.
//
// In IPv4, it is an address of the device, whatever source the route has (nf_nat_masquerade_ipv4
// of net/netfilter/nf_nat_masquerade.c). In IPv6, it is that of packets of the host; a route with a
// source of its own may mislead.
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
		source, err = m.selected(way.Device, hop)
	}
	if err != nil || source.IsValid() {
		return source, err
	}
	return m.routes.Source(to) // for a device without an address, the kernel searches the others in both cases
}

// selected returns the first address of a device in whose network the next hop is, or else its
// first one (inet_select_addr of net/ipv4/devinet.c); not valid: it has none.
func (m *Masquerade) selected(device uint32, hop netip.Addr) (first netip.Addr, err error) {
	list, known := m.devices[device]
	if !known {
		if list, err = primaryAddresses(device); err != nil {
			return first, err
		}
		m.devices[device] = list
	}
	for _, a := range list {
		if a.Contains(hop) {
			return a.Addr(), nil
		}
	}
	if len(list) > 0 {
		first = list[0].Addr()
	}
	return first, nil
}

// primaryAddresses returns the primary IPv4 addresses of global scope of a device, in the order of
// the kernel.
func primaryAddresses(device uint32) (list []netip.Prefix, err error) {
	for range ruleTries {
		if list, err = readPrimary(device); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", netlink.Explain(err))
	}
	return list, nil
}

func readPrimary(device uint32) (list []netip.Prefix, err error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{StrictCheck: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	header := make([]byte, unix.SizeofIfAddrmsg) // struct ifaddrmsg
	header[0] = familyNumber(config.IPv4)
	binary.NativeEndian.PutUint32(header[ifaDevice:], device)
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETADDR, Flags: unix.NLM_F_DUMP, Header: header}) {
		var a netip.Prefix
		if err == nil {
			a, err = decodePrimary(m, device)
		}
		if err != nil {
			return nil, err
		}
		if a.IsValid() {
			list = append(list, a)
		}
	}
	return list, nil
}

// Offsets in struct ifaddrmsg of linux/if_addr.h.
const (
	ifaLength = 1 // of the prefix
	ifaFlags  = 2
	ifaScope  = 3
	ifaDevice = 4
)

// decodePrimary decodes an RTM_NEWADDR message; not valid: it is another address, or one of another
// device, which a kernel before 5.0 lists too.
func decodePrimary(m netlink.Message, device uint32) (address netip.Prefix, err error) {
	attributes, err := m.Attributes(unix.SizeofIfAddrmsg)
	if err != nil || m.Type != unix.RTM_NEWADDR {
		return address, netlink.ErrMalformed
	}
	if m.Data[ifaFlags]&unix.IFA_F_SECONDARY != 0 || m.Data[ifaScope] != unix.RT_SCOPE_UNIVERSE || binary.NativeEndian.Uint32(m.Data[ifaDevice:]) != device {
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
