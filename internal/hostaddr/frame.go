package hostaddr

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// etherLen is the length of an Ethernet address in bytes.
const etherLen = 6

// arpAnnouncement returns an ARP request for the VIP by the VIP itself (RFC 826; RFC
// 5227, 1.1: "ARP Announcement"), without the Ethernet header. Hosts that have a neighbor
// entry of the VIP replace its link-layer address. mac is the address of the device.
func arpAnnouncement(mac []byte, vip netip.Addr) []byte { return arpRequest(mac, vip, vip) }

// arpProbe returns an ARP request for an address without one of the sender (RFC 5227, 1.1:
// "ARP Probe").
func arpProbe(mac []byte, address netip.Addr) []byte {
	return arpRequest(mac, netip.IPv4Unspecified(), address)
}

func arpRequest(mac []byte, sender, target netip.Addr) []byte {
	const request = 1
	b := binary.BigEndian.AppendUint16(nil, unix.ARPHRD_ETHER)
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
	b = append(b, etherLen, 4)
	b = binary.BigEndian.AppendUint16(b, request)
	b = append(append(b, mac...), sender.AsSlice()...)
	return append(append(b, make([]byte, etherLen)...), target.AsSlice()...) // its link-layer address is unused
}

// Flags of a neighbor advertisement (RFC 4861, 4.4).
const (
	advertisesRouter   = 0x80
	advertisesOverride = 0x20
)

// allNodes is ff02::1, all hosts of the link, and allNodesMAC its Ethernet address (RFC
// 2464, 7).
func allNodes() netip.Addr { return netip.IPv6LinkLocalAllNodes() }

func allNodesMAC() []byte { return []byte{0x33, 0x33, 0, 0, 0, 1} }

// neighborAdvertisement returns an IPv6 packet with an unsolicited neighbor
// advertisement of the VIP (RFC 4861, 7.2.6) to all hosts of the link. Hosts that have a
// neighbor entry of the VIP replace its link-layer address. mac is the address of the
// device. The router flag must be right: hosts remove a router that clears it from their
// default routers.
func neighborAdvertisement(mac []byte, vip netip.Addr, router bool) []byte {
	const targetLinkAddress = 2 // option, in units of 8 bytes; RFC 4861, 4.6.1
	flags := byte(advertisesOverride)
	if router {
		flags |= advertisesRouter
	}
	message := append([]byte{advertisement, 0, 0, 0, flags, 0, 0, 0}, vip.AsSlice()...)
	message = append(append(message, targetLinkAddress, 1), mac...)

	return icmpv6(vip, allNodes(), message)
}

// Types of ICMPv6 messages (RFC 4861, 4.3 and 4.4).
const (
	solicitation  = 135
	advertisement = 136
)

// neighborSolicitation returns an IPv6 packet that asks for the link-layer address of a host
// (RFC 4861, 4.3).
func neighborSolicitation(mac []byte, source, target netip.Addr) []byte {
	const sourceLinkAddress = 1 // option, in units of 8 bytes; RFC 4861, 4.6.1
	message := append([]byte{solicitation, 0, 0, 0, 0, 0, 0, 0}, target.AsSlice()...)
	message = append(append(message, sourceLinkAddress, 1), mac...)
	return icmpv6(source, solicited(target), message)
}

// solicited returns the solicited-node multicast address (RFC 4291, 2.7.1), and solicitedMAC
// its Ethernet address.
func solicited(target netip.Addr) netip.Addr {
	b := target.As16()
	return netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

func solicitedMAC(target netip.Addr) []byte {
	b := target.As16()
	return []byte{0x33, 0x33, 0xff, b[13], b[14], b[15]}
}

// icmpv6 returns an IPv6 packet with a message, whose checksum it fills in.
func icmpv6(source, destination netip.Addr, message []byte) []byte {
	const hopLimit = 255 // RFC 4861, 7.1: receivers require it
	packet := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(message)))
	packet = append(packet, unix.IPPROTO_ICMPV6, hopLimit)
	packet = append(append(packet, source.AsSlice()...), destination.AsSlice()...)
	binary.BigEndian.PutUint16(message[2:], icmpv6Checksum(packet[8:], message))
	return append(packet, message...)
}

// icmpv6Checksum returns the checksum of RFC 4443, 2.3. addresses are the source and the
// destination; the checksum field of the message is 0.
func icmpv6Checksum(addresses, message []byte) uint16 {
	sum := uint32(len(message)) + unix.IPPROTO_ICMPV6 // of the pseudo-header of RFC 8200, 8.1
	for _, words := range [][]byte{addresses, message} {
		for ; len(words) > 1; words = words[2:] {
			sum += uint32(binary.BigEndian.Uint16(words))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
