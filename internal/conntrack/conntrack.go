// Package conntrack reads the kernel's connection tracking (nf_conntrack).
//
// It works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package conntrack

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// From linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_tcp.h and
// nf_conntrack_common.h; missing in golang.org/x/sys/unix.
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

// Translated returns the sources of established TCP connections of a family whose source
// address the kernel translates: address and port before the translation. Its errors are
// those of package netlink.
func Translated(family config.Family) ([]netip.AddrPort, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{})
	if err != nil {
		return nil, fmt.Errorf("open netfilter netlink: %w", err)
	}
	defer conn.Close()
	var sources []netip.AddrPort
	request := netlink.Request{Type: get, Flags: unix.NLM_F_DUMP, Header: []byte{protocolFamily(family), unix.NFNETLINK_V0, 0, 0}}
	for m, err := range conn.Query(request) {
		var e entry
		if err == nil {
			e, err = read(m)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("list tracked connections: %w", err)
		case e.protocol == config.TCP && e.established && e.status&sourceNAT != 0:
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

// An entry is a tracked connection, with the fields that the package reads.
type entry struct {
	protocol    config.Protocol
	address     netip.Addr // the source of the first packet
	port        uint16
	status      uint32 // IPS_*
	established bool   // TCP state
}

func read(m netlink.Message) (e entry, err error) {
	b, err := m.Attributes(genericHeader)
	if err != nil {
		return e, err
	}
	d := netlink.Decode(b)
	for d.Next() {
		switch d.Type() {
		case status:
			e.status = d.BigEndian32()
		case protoInfo:
			e.established = isEstablished(d.Bytes())
		case tupleOrig:
			e.readTuple(d.Bytes())
		}
	}
	return e, d.Err()
}

func (e *entry) readTuple(b []byte) {
	for typ, content := range netlink.Attributes(b) {
		switch typ {
		case tupleIP:
			e.readAddress(content)
		case tupleProto:
			e.readPort(content)
		}
	}
}

func (e *entry) readAddress(b []byte) {
	for typ, content := range netlink.Attributes(b) {
		if typ == ipv4Source || typ == ipv6Source {
			e.address, _ = netip.AddrFromSlice(content)
		}
	}
}

func (e *entry) readPort(b []byte) {
	for typ, content := range netlink.Attributes(b) {
		switch {
		case typ == protoNumber && len(content) == 1:
			e.protocol = config.Protocol(content[0])
		case typ == protoSource && len(content) == 2:
			e.port = binary.BigEndian.Uint16(content)
		}
	}
}

// isEstablished decodes CTA_PROTOINFO, which contains the state of a TCP connection.
func isEstablished(b []byte) bool {
	tcp := netlink.DecodeNested(b, infoTCP)
	for tcp.Next() {
		if tcp.Type() == infoTCPState {
			return tcp.Uint8() == established
		}
	}
	return false
}
