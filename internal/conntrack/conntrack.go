// Package conntrack reads the kernel's connection tracking (nf_conntrack).
//
// It works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package conntrack

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
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
// ports before the translation. It fails as the netlink request does, with an error
// that wraps the kernel's errno.
func Translated(family config.Family) ([]netip.AddrPort, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open netfilter netlink: %w", err)
	}
	defer conn.Close()
	messages, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: get, Flags: netlink.Request | netlink.Dump},
		Data:   []byte{protocolFamily(family), unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return nil, fmt.Errorf("list tracked connections: %w", err)
	}
	var sources []netip.AddrPort
	for _, m := range messages {
		if len(m.Data) < genericHeader {
			continue
		}
		e, err := decode(m.Data[genericHeader:])
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

func decode(b []byte) (e entry, err error) {
	d, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return e, err
	}
	d.ByteOrder = binary.BigEndian
	for d.Next() {
		switch d.Type() {
		case status:
			e.status = d.Uint32()
		case protoInfo:
			d.Nested(e.protoInfo)
		case tupleOrig:
			d.Nested(e.tuple)
		}
	}
	return e, d.Err()
}

func (e *entry) tuple(d *netlink.AttributeDecoder) error {
	for d.Next() {
		switch d.Type() {
		case tupleIP:
			d.Nested(e.source)
		case tupleProto:
			d.Nested(e.proto)
		}
	}
	return nil
}

func (e *entry) source(d *netlink.AttributeDecoder) error {
	for d.Next() {
		if d.Type() == ipv4Source || d.Type() == ipv6Source {
			e.address, _ = netip.AddrFromSlice(d.Bytes())
		}
	}
	return nil
}

func (e *entry) proto(d *netlink.AttributeDecoder) error {
	for d.Next() {
		switch d.Type() {
		case protoNumber:
			e.protocol = config.Protocol(d.Uint8())
		case protoSource:
			e.port = d.Uint16()
		}
	}
	return nil
}

func (e *entry) protoInfo(d *netlink.AttributeDecoder) error {
	for d.Next() {
		if d.Type() == infoTCP {
			d.Nested(e.tcp)
		}
	}
	return nil
}

func (e *entry) tcp(d *netlink.AttributeDecoder) error {
	for d.Next() {
		if d.Type() == infoTCPState {
			e.established = d.Uint8() == established
		}
	}
	return nil
}
