package hostaddr

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// probes are sent, as RFC 5227 has it (PROBE_NUM), so that one lost packet hides nobody; hosts
// have probeInterval to answer each.
const (
	probes        = 3
	probeInterval = 250 * time.Millisecond
)

// errNoLinkLocal means that a device has no address from which it can ask for others.
var errNoLinkLocal = errors.New("the device has no IPv6 link-local address")

// Ask asks the hosts on the link of a device for an address: by ARP probes (RFC 5227), or
// by neighbor solicitations (RFC 4861, 4.3). It returns the Ethernet addresses of those
// that answer, as text. No host changes its neighbor entry of the address. Ask needs
// CAP_NET_RAW.
func Ask(device string, address netip.Addr) ([]string, error) {
	l, source, err := asking(device, address)
	if err != nil {
		return nil, err
	}
	s, err := newPacketSocket()
	if err != nil {
		return nil, err
	}
	defer s.close()
	protocol, to, packet := uint16(unix.ETH_P_ARP), l.broadcast, arpProbe(l.address, address)
	if address.Is6() {
		protocol, to, packet = unix.ETH_P_IPV6, solicitedMAC(address), neighborSolicitation(l.address, source, address)
		if err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, advertisements()); err != nil {
			return nil, fmt.Errorf("packet socket: %w", err)
		}
	}
	if err := unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: bigEndian(protocol), Ifindex: int(l.index)}); err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	var senders []string
	for range probes {
		if err := s.send(l, protocol, to, packet); err != nil {
			return nil, err
		}
		senders = append(senders, s.answers(address)...)
	}
	slices.Sort(senders)
	return slices.Compact(senders), nil
}

// asking returns the device and the address that asks, which IPv4 does not need.
func asking(device string, address netip.Addr) (l link, source netip.Addr, err error) {
	c, err := dial()
	if err != nil {
		return l, source, err
	}
	defer c.Close()
	if l, err = c.link(device); err == nil {
		err = l.problem()
	}
	if err != nil || address.Is4() {
		return l, source, err
	}
	found, err := net.InterfaceByName(device)
	if err != nil {
		return l, source, err
	}
	addresses, err := found.Addrs()
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return l, p.Addr(), nil
		}
	}
	return l, source, errors.Join(err, errNoLinkLocal)
}

// advertisements is a filter of packet(7) for neighbor advertisements.
func advertisements() *unix.SockFprog {
	const nextHeader, icmpType, all = 6, 40, 0xffff
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: nextHeader},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: unix.IPPROTO_ICMPV6},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: icmpType},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: advertisement},
		{Code: unix.BPF_RET | unix.BPF_K, K: all},
		{Code: unix.BPF_RET | unix.BPF_K},
	}
	return &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
}

// answers reads the answers of one interval.
func (s *packetSocket) answers(address netip.Addr) (senders []string) {
	buffer := make([]byte, 256)
	for deadline := time.Now().Add(probeInterval); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return senders
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		n, from, err := unix.Recvfrom(s.fd, buffer, 0)
		link, ok := from.(*unix.SockaddrLinklayer)
		if err != nil || !ok || link.Halen != etherLen || !isAnswer(buffer[:n], address) {
			continue
		}
		senders = append(senders, net.HardwareAddr(link.Addr[:etherLen]).String())
	}
}

// isAnswer reports whether a packet is an ARP reply or a neighbor advertisement for the
// address.
func isAnswer(packet []byte, address netip.Addr) bool {
	const (
		operation, reply, senderIP, arpLen = 7, 2, 14, 28 // RFC 826
		icmp, target, advertisementLen     = 40, 48, 64   // RFC 4861, 4.4
	)
	if address.Is4() {
		return len(packet) >= arpLen && packet[operation] == reply && bytes.Equal(packet[senderIP:senderIP+4], address.AsSlice())
	}
	return len(packet) >= advertisementLen && packet[icmp] == advertisement && bytes.Equal(packet[target:advertisementLen], address.AsSlice())
}
