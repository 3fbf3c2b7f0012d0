package route

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Route is how the kernel sends a packet. Two routes are equal if the kernel sends packets
// in the same way.
type Route struct {
	Type    uint8 // RTN_* of linux/rtnetlink.h
	Device  uint32
	Gateway netip.Addr // invalid: the destination is on the link
	MSS     int        // advmss of the route; 0: that of the device
	Refused unix.Errno // the kernel has no route, or one that refuses packets; 0: it has one
}

// IsLocal reports whether the kernel receives the packet itself.
func (r Route) IsLocal() bool { return r.Refused == 0 && r.Type == unix.RTN_LOCAL }

// A Table is a connection that asks for routes.
type Table struct{ conn *netlink.Conn }

// Open opens a connection. The caller must close it.
func Open() (*Table, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{})
	return &Table{c}, err
}

// Close closes the connection.
func (t *Table) Close() error { return t.conn.Close() }

// To returns the route of a packet of the host to an address, with a mark in host byte
// order. It asks as `ip route get ADDRESS mark MARK` does.
func (t *Table) To(address netip.Addr, mark uint32) (Route, error) {
	answer, err := t.ask(address, mark)
	if refusal, ok := errors.AsType[*netlink.KernelError](err); ok {
		return Route{Refused: refusal.Errno}, nil
	}
	if err != nil {
		return Route{}, netlink.Explain(err)
	}
	return decodeRoute(answer)
}

// Source returns the source address that the kernel selects for packets of the host to an
// address. It is not valid if there is no route.
func (t *Table) Source(to netip.Addr) (source netip.Addr, err error) {
	answer, err := t.ask(to, 0)
	if _, ok := errors.AsType[*netlink.KernelError](err); ok {
		return source, nil
	}
	if err != nil {
		return source, netlink.Explain(err)
	}
	attributes, err := answer.Attributes(unix.SizeofRtMsg)
	if err != nil || answer.Type != unix.RTM_NEWROUTE {
		return source, netlink.ErrMalformed
	}
	d := netlink.Decode(attributes)
	for d.Next() {
		if d.Type() == unix.RTA_PREFSRC {
			source, _ = netip.AddrFromSlice(d.Bytes())
		}
	}
	return source, d.Err()
}

// ask returns the answer to RTM_GETROUTE, or the kernel's error.
func (t *Table) ask(address netip.Addr, mark uint32) (netlink.Message, error) {
	header := make([]byte, unix.SizeofRtMsg) // struct rtmsg
	header[0], header[1] = familyNumber(config.FamilyOf(address)), byte(address.BitLen())
	b := netlink.AppendAttribute(nil, unix.RTA_DST, address.AsSlice())
	if mark != 0 {
		b = netlink.AppendUint32(b, unix.RTA_MARK, mark)
	}
	for m, err := range t.conn.Query(netlink.Request{Type: unix.RTM_GETROUTE, Header: header, Data: b}) {
		return m, err
	}
	return netlink.Message{}, netlink.ErrMalformed
}

func decodeRoute(m netlink.Message) (Route, error) {
	attributes, err := m.Attributes(unix.SizeofRtMsg)
	if err != nil || m.Type != unix.RTM_NEWROUTE {
		return Route{}, netlink.ErrMalformed
	}
	const typ = 7
	r := Route{Type: m.Data[typ]}
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.RTA_OIF:
			r.Device = d.Uint32()
		case unix.RTA_GATEWAY:
			r.Gateway, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_METRICS:
			r.MSS = mssOf(d.Bytes())
		case unix.RTA_VIA: // a gateway of the other family, after its family
			if b := d.Bytes(); len(b) > 2 {
				r.Gateway, _ = netip.AddrFromSlice(b[2:])
			}
		}
	}
	switch r.Type {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		r.Refused = unix.EHOSTUNREACH
	}
	return r, d.Err()
}

// mssOf returns the metric advmss. The kernel lists that of the route only.
func mssOf(metrics []byte) int {
	const advmss = 8 // RTAX_ADVMSS
	for typ, value := range netlink.Attributes(metrics) {
		if typ == advmss && len(value) == 4 {
			return int(binary.NativeEndian.Uint32(value))
		}
	}
	return 0
}
