// Package conntrack reads the kernel's connection tracking (nf_conntrack).
//
// It works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package conntrack

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Of linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_tcp.h and
// nf_conntrack_common.h; golang.org/x/sys/unix does not have them.
const (
	get           = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1 // IPCTNL_MSG_CT_GET
	tupleOrig     = 1                                 // CTA_TUPLE_ORIG
	status        = 3                                 // CTA_STATUS
	protoInfo     = 4                                 // CTA_PROTOINFO
	tupleIP       = 1                                 // CTA_TUPLE_IP
	tupleProto    = 2                                 // CTA_TUPLE_PROTO
	ipv4Source    = 1                                 // CTA_IP_V4_SRC
	ipv6Source    = 3                                 // CTA_IP_V6_SRC
	protoNumber   = 1                                 // CTA_PROTO_NUM
	protoSource   = 2                                 // CTA_PROTO_SRC_PORT
	infoTCP       = 1                                 // CTA_PROTOINFO_TCP
	infoTCPState  = 1                                 // CTA_PROTOINFO_TCP_STATE
	established   = 3                                 // TCP_CONNTRACK_ESTABLISHED
	sourceNAT     = 1 << 4                            // IPS_SRC_NAT
	genericHeader = 4                                 // bytes of struct nfgenmsg
)

// Translated returns the sources of the TCP connections of a family that are
// established and whose source address the kernel translates: the addresses and
// ports before the translation. The errors are those of netlink.Dial and Conn.Ask.
func Translated(family config.Family) ([]netip.AddrPort, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{})
	if err != nil {
		return nil, fmt.Errorf("open netfilter netlink: %w", err)
	}
	defer conn.Close()
	list := netlink.Request{Type: get, Flags: unix.NLM_F_DUMP, Header: []byte{protocolFamily(family), unix.NFNETLINK_V0, 0, 0}}
	var sources []netip.AddrPort
	for m, err := range conn.Ask(list) {
		var e entry
		if err == nil {
			e, err = decode(m)
		}
		if err != nil {
			return nil, fmt.Errorf("list tracked connections: %w", err)
		}
		if e.protocol == config.TCP && e.established && e.status&sourceNAT != 0 {
			sources = append(sources, netip.AddrPortFrom(e.address, e.port))
		}
	}
	return sources, nil
}

func protocolFamily(f config.Family) byte {
	if f == config.IPv4 {
		return unix.NFPROTO_IPV4
	}
	return unix.NFPROTO_IPV6
}

// An entry is what the package reads of a tracked connection.
type entry struct {
	protocol    config.Protocol
	address     netip.Addr // the source, in the direction of the first packet
	port        uint16
	status      uint32 // IPS_*
	established bool   // of TCP
}

func decode(m netlink.Message) (e entry, err error) {
	attributes, err := m.Attributes(genericHeader)
	d := netlink.Decode(attributes)
	for err == nil && d.Next() {
		switch d.Type() {
		case status:
			if len(d.Bytes()) == 4 {
				e.status = binary.BigEndian.Uint32(d.Bytes())
			}
		case protoInfo:
			err = e.readProtoInfo(d.Bytes())
		case tupleOrig:
			err = e.readTuple(d.Bytes())
		}
	}
	return e, cmp.Or(err, d.Err())
}

func (e *entry) readTuple(b []byte) error {
	ip := netlink.DecodeNested(b, tupleIP)
	for ip.Next() {
		if ip.Type() == ipv4Source || ip.Type() == ipv6Source {
			e.address, _ = netip.AddrFromSlice(ip.Bytes())
		}
	}
	proto := netlink.DecodeNested(b, tupleProto)
	for proto.Next() {
		switch proto.Type() {
		case protoNumber:
			e.protocol = config.Protocol(proto.Uint8())
		case protoSource:
			e.port = proto.BigEndian16()
		}
	}
	return cmp.Or(ip.Err(), proto.Err())
}

// readProtoInfo reads what only some protocols have: TCP has its state.
func (e *entry) readProtoInfo(b []byte) error {
	d := netlink.Decode(b)
	for d.Next() {
		if d.Type() != infoTCP {
			continue
		}
		tcp := netlink.Decode(d.Bytes())
		for tcp.Next() {
			if tcp.Type() == infoTCPState {
				e.established = tcp.Uint8() == established
			}
		}
		if err := tcp.Err(); err != nil {
			return err
		}
	}
	return d.Err()
}
