package nft

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Of linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h.
const (
	ctGet         = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1 // IPCTNL_MSG_CT_GET
	ctTupleOrig   = 1
	ctStatus      = 3
	ctTupleIP     = 1
	ctTupleProto  = 2
	ctProtoNumber = 1
	ctSourcePort  = 2
	ctProtoInfo   = 4
	ctInfoTCP     = 1
	ctStateTCP    = 1
	ctEstablished = 3      // TCP_CONNTRACK_ESTABLISHED
	ctSourceNAT   = 1 << 4 // IPS_SRC_NAT
)

// A tracked is what matters of an entry of the kernel's connection tracking.
type tracked struct {
	protocol    config.Protocol
	source      netip.AddrPort
	status      uint32
	established bool // of TCP
}

// Translated counts, where the change EndsNAT, the active data connections that
// are established and have another source, in the network namespace of the
// calling thread.
func (c *Change) Translated() (int, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{DatagramLimit: datagramLimit})
	if err != nil {
		return 0, fmt.Errorf("open netfilter netlink: %w", err)
	}
	defer conn.Close()
	sources, n := indexSources(c.sources), 0
	for m, err := range conn.Ask(netlink.Request{Type: ctGet, Flags: unix.NLM_F_DUMP, Header: nfgenmsg(byte(c.table.Family), 0)}) {
		var entry []byte
		if err == nil {
			entry, err = m.Attributes(nfgenmsgLen)
		}
		if err != nil {
			return 0, fmt.Errorf("list tracked connections: %w", err)
		}
		if t := readTracked(entry); t.protocol == config.TCP && t.established && t.status&ctSourceNAT != 0 {
			address := t.source.Addr()
			if sources.holds(sourceRange{t.source.Port(), address, address}) {
				n++
			}
		}
	}
	return n, nil
}

func readTracked(entry []byte) (t tracked) {
	var source netip.Addr
	var port uint16
	for typ, data := range netlink.Attributes(entry) {
		switch {
		case typ == ctStatus && len(data) == 4:
			t.status = binary.BigEndian.Uint32(data)
		case typ == ctProtoInfo:
			t.established = isEstablished(data)
		case typ == ctTupleOrig:
			for typ, data := range netlink.Attributes(data) {
				switch typ {
				case ctTupleIP:
					source = firstAddress(data)
				case ctTupleProto:
					t.protocol, port = readPort(data)
				}
			}
		}
	}
	t.source = netip.AddrPortFrom(source, port)
	return t
}

// firstAddress is the source: the kernel sends it ahead of the destination.
func firstAddress(tuple []byte) (first netip.Addr) {
	for _, data := range netlink.Attributes(tuple) {
		if a, ok := netip.AddrFromSlice(data); ok && !first.IsValid() {
			first = a
		}
	}
	return first
}

func readPort(tuple []byte) (protocol config.Protocol, port uint16) {
	for typ, data := range netlink.Attributes(tuple) {
		switch {
		case typ == ctProtoNumber && len(data) == 1:
			protocol = config.Protocol(data[0])
		case typ == ctSourcePort && len(data) == 2:
			port = binary.BigEndian.Uint16(data)
		}
	}
	return protocol, port
}

func isEstablished(info []byte) (established bool) {
	for typ, data := range netlink.Attributes(info) {
		if typ != ctInfoTCP {
			continue
		}
		for typ, data := range netlink.Attributes(data) {
			established = established || typ == ctStateTCP && len(data) == 1 && data[0] == ctEstablished
		}
	}
	return established
}
