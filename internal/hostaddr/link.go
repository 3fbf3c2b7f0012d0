package hostaddr

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A link is a network device, as RTM_NEWLINK of rtnetlink(7) describes it.
type link struct {
	index        uint32
	hardware     uint16 // ARPHRD_* of linux/if_arp.h
	flags        uint32 // IFF_* of linux/if.h
	address      []byte // link-layer address
	broadcast    []byte
	forwardsIPv6 bool
}

// hasNeighbors reports whether hosts behind the device find the director by its
// link-layer address. Dummy devices have IFF_NOARP, tunnels IFF_POINTOPOINT or IFF_NOARP.
func (l link) hasNeighbors() bool {
	return l.flags&(unix.IFF_LOOPBACK|unix.IFF_NOARP|unix.IFF_POINTOPOINT) == 0
}

// problem returns why nothing can be announced on the device; nil: it can.
func (l link) problem() error {
	switch {
	case l.flags&unix.IFF_UP == 0:
		return errDown
	case l.flags&unix.IFF_LOWER_UP == 0:
		return errNoCarrier
	case l.hardware != unix.ARPHRD_ETHER || len(l.address) != etherLen || len(l.broadcast) != etherLen:
		return errNotEthernet
	}
	return nil
}

// link reads a device.
func (c *conn) link(name string) (link, error) {
	index, err := c.device(name)
	if err != nil {
		return link{}, withoutOpError(err)
	}
	// struct ifinfomsg: family, padding, ARPHRD_*, index, flags and change mask.
	header := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(header[4:], index)
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETLINK, Header: header}) {
		if err != nil {
			return link{}, netlink.Explain(err)
		}
		return decodeLink(m)
	}
	return link{}, netlink.ErrMalformed
}

// decodeLink decodes an RTM_NEWLINK message.
func decodeLink(m netlink.Message) (link, error) {
	attributes, err := m.Attributes(unix.SizeofIfInfomsg)
	if err != nil || m.Type != unix.RTM_NEWLINK {
		return link{}, netlink.ErrMalformed
	}
	l := link{
		hardware: binary.NativeEndian.Uint16(m.Data[2:]),
		index:    binary.NativeEndian.Uint32(m.Data[4:]),
		flags:    binary.NativeEndian.Uint32(m.Data[8:]),
	}
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.IFLA_ADDRESS:
			l.address = []byte(string(d.Bytes()))
		case unix.IFLA_BROADCAST:
			l.broadcast = []byte(string(d.Bytes()))
		case unix.IFLA_AF_SPEC:
			l.forwardsIPv6 = forwardsIPv6(d.Bytes())
		}
	}
	if err := d.Err(); err != nil {
		return link{}, fmt.Errorf("device: %w", err)
	}
	return l, nil
}

// forwardsIPv6 reads net.ipv6.conf.DEVICE.forwarding from IFLA_AF_SPEC: the first number
// (DEVCONF_FORWARDING of linux/ipv6.h) of IFLA_INET6_CONF.
func forwardsIPv6(families []byte) bool {
	for family, attributes := range netlink.Attributes(families) {
		if family != unix.AF_INET6 {
			continue
		}
		for typ, values := range netlink.Attributes(attributes) {
			if typ == unix.IFLA_INET6_CONF && len(values) >= 4 {
				return binary.NativeEndian.Uint32(values) != 0
			}
		}
	}
	return false
}
