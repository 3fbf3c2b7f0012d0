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

// A Destination is a network to which a unicast route leads.
type Destination struct {
	Network netip.Prefix
	Table   uint32
	Device  uint32     // 0: several next hops
	Gateway netip.Addr // invalid: the network is on the link, or several next hops
	Way     string     // equal for routes with the same next hops and source address; not for people
}

// Destinations returns the networks of the unicast routes of all tables and both families, without
// routes whose device has no link. It reads no more than limit routes of a family; all reports
// whether there are no others.
func Destinations(limit int) (list []Destination, all bool, err error) {
	for range ruleTries {
		if list, all, err = readDestinations(limit); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("list routes: %w", netlink.Explain(err))
	}
	return list, all, nil
}

func readDestinations(limit int) (list []Destination, all bool, err error) {
	all = true
	for _, family := range config.Families() {
		ofFamily, complete, err := destinationsOf(family, limit)
		if err != nil {
			return nil, false, err
		}
		list, all = append(list, ofFamily...), all && complete
	}
	return list, all, nil
}

// destinationsOf uses a connection of its own, because it may leave the rest of an answer unread.
func destinationsOf(family config.Family, limit int) (list []Destination, all bool, err error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{StrictCheck: true})
	if err != nil {
		return nil, false, err
	}
	defer c.Close()
	header := make([]byte, unix.SizeofRtMsg)
	header[0], header[rtmType] = familyNumber(family), unix.RTN_UNICAST
	read := 0
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETROUTE, Flags: unix.NLM_F_DUMP, Header: header}) {
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
			break // the kernel has no routes of this family
		}
		if err != nil {
			return nil, false, err
		}
		if read++; read > limit {
			return list, false, nil
		}
		d, usable, err := decodeDestination(m, family)
		if err != nil {
			return nil, false, err
		}
		if usable {
			list = append(list, d)
		}
	}
	return list, true, nil
}

// Offsets in struct rtmsg of linux/rtnetlink.h.
const (
	rtmLength = 1 // of the destination's prefix
	rtmTable  = 4
	rtmType   = 7
	rtmFlags  = 8
)

// rtaNextHopID is RTA_NH_ID of linux/rtnetlink.h, missing in golang.org/x/sys/unix.
const rtaNextHopID = 30

// decodeDestination decodes an RTM_NEWROUTE message; false if the route is not usable.
func decodeDestination(m netlink.Message, family config.Family) (route Destination, usable bool, err error) {
	attributes, err := m.Attributes(unix.SizeofRtMsg)
	if err != nil || m.Type != unix.RTM_NEWROUTE {
		return route, false, netlink.ErrMalformed
	}
	if m.Data[0] != familyNumber(family) { // without IPv6, the kernel lists the routes of other families
		return route, false, nil
	}
	route.Table = uint32(m.Data[rtmTable])
	network := netip.IPv4Unspecified()
	if family == config.IPv6 {
		network = netip.IPv6Unspecified()
	}
	var way []byte
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.RTA_DST:
			network, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_TABLE:
			route.Table = d.Uint32()
		case unix.RTA_OIF:
			route.Device = d.Uint32()
		case unix.RTA_GATEWAY:
			route.Gateway, _ = netip.AddrFromSlice(d.Bytes())
		case unix.RTA_VIA:
			route.Gateway = viaGateway(d.Bytes())
		}
		switch d.Type() {
		case unix.RTA_OIF, unix.RTA_MULTIPATH, unix.RTA_GATEWAY, unix.RTA_VIA, unix.RTA_PREFSRC, rtaNextHopID:
			way = netlink.AppendAttribute(way, d.Type(), d.Bytes())
		}
	}
	route.Network, route.Way = netip.PrefixFrom(network, int(m.Data[rtmLength])), string(way)
	const dead = unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN
	usable = m.Data[rtmType] == unix.RTN_UNICAST && binary.NativeEndian.Uint32(m.Data[rtmFlags:])&dead == 0 && route.Network.IsValid()
	return route, usable, d.Err()
}
