package hostaddr

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A network of VIPs is a local route, as `ip route add local NETWORK dev DEVICE` adds it to
// the table local: the kernel takes packets to all of its addresses as its own.

// encodeRoute encodes a local route with Protocol as its protocol (rtm_protocol), and the
// scope that ip-route(8) gives to local routes.
func encodeRoute(device uint32, network netip.Prefix) netlink.Request {
	header := make([]byte, unix.SizeofRtMsg) // struct rtmsg
	header[0], header[1] = family(network.Addr()), byte(network.Bits())
	header[rtmTable], header[rtmProtocol] = unix.RT_TABLE_LOCAL, Protocol
	header[rtmScope], header[rtmType] = unix.RT_SCOPE_HOST, unix.RTN_LOCAL
	b := netlink.AppendAttribute(nil, unix.RTA_DST, network.Addr().AsSlice())
	return netlink.Request{Header: header, Data: netlink.AppendUint32(b, unix.RTA_OIF, device)}
}

// Offsets in struct rtmsg of linux/rtnetlink.h.
const (
	rtmLength   = 1 // of the destination's prefix
	rtmTable    = 4
	rtmProtocol = 5
	rtmScope    = 6
	rtmType     = 7
)

// routeProtocols returns the protocols of the local routes that Read returns: its own, and
// those of other programs (RTPROT_* of linux/rtnetlink.h): of ip-route(8), of an
// administrator's configuration and of keepalived. The kernel's are those of addresses.
func routeProtocols() []byte {
	const keepalived = 18 // RTPROT_KEEPALIVED
	return []byte{Protocol, unix.RTPROT_BOOT, unix.RTPROT_STATIC, keepalived}
}

// dumpRoutes returns the local routes to networks.
func dumpRoutes() (routes []kernelAddress, err error) {
	for range dumpTries {
		if routes, err = dumpRoutesOnce(); !errors.Is(err, netlink.ErrInterrupted) {
			return routes, err
		}
	}
	return nil, fmt.Errorf("the routes changed during each of %d reads: `ip monitor route` prints the changes", dumpTries)
}

func dumpRoutesOnce() (routes []kernelAddress, err error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{StrictCheck: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		for _, protocol := range routeProtocols() {
			list, err := localRoutes(c, family, protocol)
			if hasNoTable(err) { // a second refusal tells a missing table from an error of one call
				list, err = localRoutes(c, family, protocol)
			}
			if err != nil && !hasNoTable(err) {
				return nil, netlink.Explain(err)
			}
			routes = append(routes, list...)
		}
	}
	return routes, nil
}

// hasNoTable reports whether the kernel refused a dump because the family has no table of local
// routes, or does not exist. The same errno of a system call says nothing about the table.
func hasNoTable(err error) bool {
	refusal, ok := errors.AsType[*netlink.KernelError](err)
	return ok && (refusal.Errno == unix.ENOENT || refusal.Errno == unix.EOPNOTSUPP || refusal.Errno == unix.EAFNOSUPPORT)
}

// localRoutes dumps the local routes of a family that have the protocol, RTPROT_….
func localRoutes(c *netlink.Conn, family, protocol byte) (routes []kernelAddress, err error) {
	header := make([]byte, unix.SizeofRtMsg)
	header[0], header[rtmTable], header[rtmProtocol], header[rtmType] = family, unix.RT_TABLE_LOCAL, protocol, unix.RTN_LOCAL
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETROUTE, Flags: unix.NLM_F_DUMP, Header: header}) {
		var r kernelAddress
		var ok bool
		if err == nil {
			r, ok, err = decodeLocalRoute(m)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			routes = append(routes, r)
		}
	}
	return routes, nil
}

// decodeLocalRoute decodes an RTM_NEWROUTE message; false if it is not a local route to a
// network on a device. A kernel before 4.20 does not select the routes of a dump.
func decodeLocalRoute(m netlink.Message) (r kernelAddress, ok bool, err error) {
	attributes, err := m.Attributes(unix.SizeofRtMsg)
	if err != nil || m.Type != unix.RTM_NEWROUTE {
		return r, false, netlink.ErrMalformed
	}
	r = kernelAddress{prefix: m.Data[rtmLength], protocol: m.Data[rtmProtocol], valid: forever, route: true}
	table := uint32(m.Data[rtmTable])
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.RTA_DST:
			r.local, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_OIF:
			r.device = d.Uint32()
		case unix.RTA_TABLE:
			table = d.Uint32()
		}
	}
	ok = table == unix.RT_TABLE_LOCAL && m.Data[rtmType] == unix.RTN_LOCAL && r.protocol != unix.RTPROT_KERNEL &&
		r.local.IsValid() && int(r.prefix) < r.local.BitLen()
	return r, ok, d.Err()
}

// requestFor returns the request that adds or deletes an address or a route; newRequest is
// addRequest or deleteRequest.
func (c *conn) requestFor(a Address, newRequest func(netlink.Request) netlink.Request) (netlink.Request, error) {
	request, err := c.encode(a)
	request = newRequest(request)
	if a.IsRoute() { // RTM_NEWROUTE - RTM_NEWADDR = RTM_DELROUTE - RTM_DELADDR
		request.Type += unix.RTM_NEWROUTE - unix.RTM_NEWADDR
	}
	return request, err
}

// announceLimit is the largest number of addresses of a network that are announced.
const announceLimit = 256

// announced returns the addresses to announce: single ones, and those of small IPv4
// networks. The kernel answers no neighbor solicitation for an address of a local IPv6 route,
// so that hosts cannot have it in their neighbor tables.
func announced(list []Address) []Address {
	var all []Address
	for _, a := range list {
		switch {
		case !a.IsRoute():
			all = append(all, a)
		case a.IP.Is4() && a.Range().Count() <= announceLimit:
			for ip := range a.Range().All() {
				all = append(all, Address{Device: a.Device, IP: ip})
			}
		}
	}
	return all
}

// explainRoute adds a hint to the error of a change of a route.
func explainRoute(subject string, a Address, err error) error {
	ip := "ip"
	if a.IP.Is6() {
		ip = "ip -6"
	}
	switch {
	case errors.Is(err, unix.EEXIST):
		return staleError{fmt.Errorf("%s: %w (the network has such a route already, added by another process: `%s route show table local %s`)", subject, err, ip, a.Prefix())}
	case errors.Is(err, unix.ESRCH):
		return staleError{fmt.Errorf("%s: %w (the route does not exist: another process has deleted it)", subject, err)}
	case errors.Is(err, unix.ENETDOWN):
		return fmt.Errorf("%s: %w (the kernel has no IPv6 routes on a device that is down: `ip link set up dev %s`)", subject, err, a.Device)
	}
	return fmt.Errorf("%s: %w", subject, err)
}
