package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A candidate is an IPv6 address that may be the source of packets.
type candidate struct {
	netip.Prefix
	device                uint32
	deprecated, temporary bool
}

// selectedIPv6 returns the address that the kernel selects for packets that leave by a device
// (ipv6_dev_get_saddr of net/ipv6/addrconf.c), with its default labels and preferences; not valid:
// the host has none.
func (m *Masquerade) selectedIPv6(device uint32, to netip.Addr) (source netip.Addr, err error) {
	for range ruleTries {
		if m.candidates != nil {
			break
		}
		if m.candidates, err = readCandidates(); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return source, fmt.Errorf("list addresses: %w", netlink.Explain(err))
	}
	if len(m.candidates) == 0 {
		return source, nil
	}
	return slices.MaxFunc(m.candidates, func(a, b candidate) int { return slices.Compare(a.score(device, to), b.score(device, to)) }).Addr(), nil
}

// score returns how well the address fits a destination, the most important rule of RFC 6724,
// section 5, first. Of equal ones, the kernel takes the first.
func (c candidate) score(device uint32, to netip.Addr) []int {
	rule := func(holds bool) int {
		if holds {
			return 1
		}
		return 0
	}
	return []int{
		rule(c.Addr() == to), rule(!c.deprecated), rule(c.device == device), rule(label(c.Addr()) == label(to)), rule(!c.temporary),
		min(commonBits(c.Addr(), to), c.Bits()),
	}
}

// labels are the default ones of the kernel (net/ipv6/addrlabel.c), narrow networks first.
var labels = []netip.Prefix{
	netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001:10::/28"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fc00::/7"),
}

// label returns the index of the label of an address; -1 for that of all others.
func label(a netip.Addr) int {
	return slices.IndexFunc(labels, func(p netip.Prefix) bool { return p.Contains(a) })
}

func commonBits(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if x[i] != y[i] {
			return i*8 + bits.LeadingZeros8(x[i]^y[i])
		}
	}
	return len(x) * 8
}

// readCandidates returns the addresses of global scope, in the order of the kernel.
func readCandidates() (list []candidate, err error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	header := make([]byte, unix.SizeofIfAddrmsg) // struct ifaddrmsg
	header[0] = familyNumber(config.IPv6)
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETADDR, Flags: unix.NLM_F_DUMP, Header: header}) {
		if err != nil {
			return nil, err
		}
		candidate, ok, err := decodeCandidate(m)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, candidate)
		}
	}
	return list, nil
}

// decodeCandidate decodes an RTM_NEWADDR message; false: the kernel does not select the address.
func decodeCandidate(m netlink.Message) (c candidate, ok bool, err error) {
	attributes, err := m.Attributes(unix.SizeofIfAddrmsg)
	if err != nil || m.Type != unix.RTM_NEWADDR {
		return c, false, netlink.ErrMalformed
	}
	if m.Data[ifaScope] != unix.RT_SCOPE_UNIVERSE {
		return c, false, nil
	}
	var address, local netip.Addr
	var flags uint32
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(d.Bytes())
		case unix.IFA_LOCAL: // with a peer
			local, _ = netip.AddrFromSlice(d.Bytes())
		case unix.IFA_FLAGS:
			flags = d.Uint32()
		}
	}
	if local.IsValid() {
		address = local
	}
	c = candidate{netip.PrefixFrom(address, int(m.Data[ifaLength])), binary.NativeEndian.Uint32(m.Data[ifaDevice:]), flags&unix.IFA_F_DEPRECATED != 0, flags&unix.IFA_F_TEMPORARY != 0}
	usable := flags&unix.IFA_F_TENTATIVE == 0 || flags&unix.IFA_F_OPTIMISTIC != 0
	return c, usable && address.IsValid(), d.Err()
}
