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

// A question is the packet whose route is asked for.
type question struct {
	to, from netip.Addr // from: invalid for any
	mark     uint32     // host byte order
	device   uint32     // by which it comes in; 0: a packet of the host
	entry    bool       // the entry of the table is asked for, not what results from it
	protocol uint8      // IPPROTO_*; 0: one that no rule is expected to have

	fromPort, toPort uint16 // of a known protocol
}

// To returns the route of a packet of the host to an address, with a mark in host byte
// order. It asks as `ip route get ADDRESS mark MARK` does.
func (t *Table) To(address netip.Addr, mark uint32) (Route, error) {
	return t.route(question{to: address, mark: mark})
}

// From returns the route of a packet of the host from an address of its own, as `ip route get
// TO from FROM` does.
func (t *Table) From(from, to netip.Addr) (Route, error) {
	return t.route(question{to: to, from: from})
}

// Forwarded returns the route of a TCP packet of another host that comes in by a device, as
// `ip route get TO from FROM iif DEVICE ipproto tcp` does. It is refused also if the device does
// not forward packets (EHOSTUNREACH), or its reverse path filter drops them (EXDEV).
func (t *Table) Forwarded(from, to netip.Addr, device uint32) (Route, error) {
	return t.route(question{to: to, from: from, device: device, protocol: unix.IPPROTO_TCP})
}

// An Incoming is a packet of another host that comes in by a device.
type Incoming struct {
	From, To         netip.Addr
	Device           uint32
	Protocol         uint8 // IPPROTO_TCP or IPPROTO_UDP
	FromPort, ToPort uint16
}

// Incoming returns the route of a packet that comes in, as `ip route get TO from FROM iif DEVICE
// ipproto PROTOCOL sport PORT dport PORT` does. For what is refused, see Forwarded.
func (t *Table) Incoming(p Incoming) (Route, error) {
	return t.route(question{to: p.To, from: p.From, device: p.Device, protocol: p.Protocol, fromPort: p.FromPort, toPort: p.ToPort})
}

func (t *Table) route(q question) (Route, error) {
	answer, err := t.ask(q)
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
	return t.source(question{to: to})
}

// ownSource returns the source address that the operator gave the route to an address; not valid:
// none.
func (t *Table) ownSource(to netip.Addr) (source netip.Addr, err error) {
	return t.source(question{to: to, entry: true})
}

func (t *Table) source(q question) (source netip.Addr, err error) {
	answer, err := t.ask(q)
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
func (t *Table) ask(q question) (netlink.Message, error) {
	header := make([]byte, unix.SizeofRtMsg) // struct rtmsg
	header[0], header[1] = familyNumber(config.FamilyOf(q.to)), byte(q.to.BitLen())
	if q.entry {
		binary.NativeEndian.PutUint32(header[rtmFlags:], unix.RTM_F_FIB_MATCH)
	}
	if q.from.IsValid() {
		header[2] = byte(q.from.BitLen())
	}
	for m, err := range t.conn.Query(netlink.Request{Type: unix.RTM_GETROUTE, Header: header, Data: q.attributes()}) {
		return m, err
	}
	return netlink.Message{}, netlink.ErrMalformed
}

func (q question) attributes() []byte {
	b := netlink.AppendAttribute(nil, unix.RTA_DST, q.to.AsSlice())
	if q.from.IsValid() {
		b = netlink.AppendAttribute(b, unix.RTA_SRC, q.from.AsSlice())
	}
	if q.device != 0 {
		b = netlink.AppendUint32(b, unix.RTA_IIF, q.device)
	}
	if q.mark != 0 {
		b = netlink.AppendUint32(b, unix.RTA_MARK, q.mark)
	}
	if protocol := q.knownProtocol(); protocol != 0 {
		b = netlink.AppendAttribute(b, unix.RTA_IP_PROTO, []byte{protocol})
	}
	if q.toPort != 0 {
		b = netlink.AppendAttribute(b, unix.RTA_SPORT, binary.BigEndian.AppendUint16(nil, q.fromPort))
		b = netlink.AppendAttribute(b, unix.RTA_DPORT, binary.BigEndian.AppendUint16(nil, q.toPort))
	}
	return b
}

// knownProtocol returns the protocol to ask for. IPVS looks up routes without one. The kernel takes
// such questions of IPv4 for UDP (inet_rtm_getroute of net/ipv4/route.c), for which a rule is more
// likely than for ICMP.
func (q question) knownProtocol() uint8 {
	if q.protocol == 0 && q.to.Is4() {
		return unix.IPPROTO_ICMP
	}
	return q.protocol
}

func decodeRoute(m netlink.Message) (Route, error) {
	attributes, err := m.Attributes(unix.SizeofRtMsg)
	if err != nil || m.Type != unix.RTM_NEWROUTE {
		return Route{}, netlink.ErrMalformed
	}
	r := Route{Type: m.Data[rtmType]}
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.RTA_OIF:
			r.Device = d.Uint32()
		case unix.RTA_GATEWAY:
			r.Gateway, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_METRICS:
			r.MSS = mssOf(d.Bytes())
		case unix.RTA_VIA:
			r.Gateway = viaGateway(d.Bytes())
		}
	}
	switch r.Type {
	case unix.RTN_BLACKHOLE, unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		r.Refused = unix.EHOSTUNREACH
	}
	return r, d.Err()
}

// viaGateway returns a gateway of the other family, after the number of its family.
func viaGateway(via []byte) (gateway netip.Addr) {
	if len(via) > 2 {
		gateway, _ = netip.AddrFromSlice(via[2:])
	}
	return gateway
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
