package equivalence

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A Packet has the fields that marks depend on; all others are constant.
type Packet struct {
	To       netip.Addr
	Protocol uint8 // IPPROTO_* with two ports at the start of its header
	Port     uint16
}

// String returns text like "tcp 192.0.2.1 21".
func (p Packet) String() string {
	name := fmt.Sprint(p.Protocol)
	switch p.Protocol {
	case unix.IPPROTO_TCP:
		name = "tcp"
	case unix.IPPROTO_UDP:
		name = "udp"
	case unix.IPPROTO_SCTP:
		name = "sctp"
	}
	return fmt.Sprintf("%s %s %d", name, p.To, p.Port)
}

// The sender of all packets: addresses for documentation (RFC 5737, RFC 3849).
const clientPort = 40000

func client(f config.Family) netip.Addr {
	if f == config.IPv4 {
		return netip.AddrFrom4([4]byte{203, 0, 113, 9})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xc, 15: 9})
}

// AppendIP appends the packet, starting with its IP header: a TCP segment with SYN, an
// empty UDP datagram, an SCTP packet with INIT, or a header that has only ports.
func (p Packet) AppendIP(b []byte) []byte {
	from := client(config.FamilyOf(p.To))
	transport := p.transport()
	if p.Protocol == unix.IPPROTO_SCTP {
		binary.LittleEndian.PutUint32(transport[8:], crc32.Checksum(transport, crc32.MakeTable(crc32.Castagnoli)))
	} else {
		binary.BigEndian.PutUint16(transport[p.checksumOffset():], checksum(p.pseudoHeader(from, len(transport)), transport))
	}
	if p.To.Is4() {
		header := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, p.Protocol, 0, 0} // RFC 791
		binary.BigEndian.PutUint16(header[2:], uint16(20+len(transport)))
		header = append(append(header, from.AsSlice()...), p.To.AsSlice()...)
		binary.BigEndian.PutUint16(header[10:], checksum(header))
		return append(append(b, header...), transport...)
	}
	header := []byte{0x60, 0, 0, 0, 0, byte(len(transport)), p.Protocol, 64} // RFC 8200
	header = append(append(header, from.AsSlice()...), p.To.AsSlice()...)
	return append(append(b, header...), transport...)
}

func (p Packet) transport() []byte {
	b := make([]byte, 20)
	switch p.Protocol {
	case unix.IPPROTO_TCP: // RFC 9293
		b[12] = 5 << 4
		b[13] = 0x02
		binary.BigEndian.PutUint16(b[14:], 0xffff)
	case unix.IPPROTO_UDP: // RFC 768
		b = b[:8]
		binary.BigEndian.PutUint16(b[4:], 8)
	case unix.IPPROTO_SCTP: // RFC 9260: the header, and the chunk INIT
		b = append(b[:12], 1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 1)
	}
	binary.BigEndian.PutUint16(b[0:], clientPort)
	binary.BigEndian.PutUint16(b[2:], p.Port)
	return b
}

// checksumOffset returns the offset of the checksum in the transport header. For other
// protocols than TCP and UDP, nothing reads the checksum.
func (p Packet) checksumOffset() int {
	if p.Protocol == unix.IPPROTO_UDP {
		return 6
	}
	return 16
}

func (p Packet) pseudoHeader(from netip.Addr, length int) []byte {
	b := append(from.AsSlice(), p.To.AsSlice()...)
	return append(b, 0, p.Protocol, byte(length>>8), byte(length))
}

// checksum returns the checksum of RFC 1071 over parts of even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, part := range parts {
		for ; len(part) > 1; part = part[2:] {
			sum += uint32(binary.BigEndian.Uint16(part))
		}
	}
	for sum>>16 > 0 {
		sum = sum&0xffff + sum>>16
	}
	if sum == 0xffff { // in UDP, 0 means no checksum
		return 0xffff
	}
	return ^uint16(sum)
}
