package host

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// States of sockets, in the numbers of /proc/net/tcp and of inet_diag (net/tcp_states.h).
const (
	tcpListen = 0x0a
	tcpClose  = 0x07 // UDP: without a peer
)

// onlyIPv6 returns, by inode, whether a listening IPv6 socket refuses IPv4 (IPV6_V6ONLY), which
// /proc/net does not tell. It is nil if the kernel would have to load a module to answer: doctor
// loads none.
func (h *Host) onlyIPv6(p config.Protocol) (map[uint32]bool, error) {
	module, protocol, state := "tcp_diag", byte(unix.IPPROTO_TCP), tcpListen
	if p == config.UDP {
		module, protocol, state = "udp_diag", unix.IPPROTO_UDP, tcpClose
	}
	if !h.hasLoaded(module) {
		return nil, nil
	}
	c, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, netlink.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	only := map[uint32]bool{}
	for m, err := range c.Query(socketsRequest(protocol, state)) {
		if err != nil {
			return nil, err
		}
		inode, v6only, err := decodeSocket(m)
		if err != nil {
			return nil, err
		}
		only[inode] = v6only
	}
	return only, nil
}

// hasLoaded reports whether a request that needs the module makes the kernel load nothing: it has
// the module, or no modules at all.
func (h *Host) hasLoaded(module string) bool {
	if _, err := os.Stat("/proc/modules"); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	state, _ := h.Module(module)
	return state == Loaded || state == BuiltIn
}

// socketsRequest asks for the IPv6 sockets in a state: struct inet_diag_req_v2 of
// linux/inet_diag.h, with the protocol, the extensions, and a bit for each state.
func socketsRequest(protocol byte, state int) netlink.Request {
	const length = 56
	header := make([]byte, length)
	header[0], header[1] = unix.AF_INET6, protocol
	binary.NativeEndian.PutUint32(header[4:], 1<<state)
	return netlink.Request{Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_DUMP, Header: header}
}

// decodeSocket decodes struct inet_diag_msg of linux/inet_diag.h, which ends with the inode, and
// INET_DIAG_SKV6ONLY.
func decodeSocket(m netlink.Message) (inode uint32, v6only bool, err error) {
	const length, inodeAt, skV6Only = 72, 68, 11
	attributes, err := m.Attributes(length)
	if err != nil {
		return 0, false, err
	}
	inode = binary.NativeEndian.Uint32(m.Data[inodeAt:])
	d := netlink.Decode(attributes)
	for d.Next() {
		if d.Type() == skV6Only {
			v6only = d.Uint8() != 0
		}
	}
	return inode, v6only, d.Err()
}
