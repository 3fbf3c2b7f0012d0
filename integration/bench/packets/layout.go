package packets

import (
	"net/netip"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A layout describes the fields that differ between packets of a family, which the
// program writes into each frame. An entry contains these fields in order.
type layout struct {
	etherType   uint16
	segmentSize int // of the IP and TCP headers
	fields      []field
	entrySize   int
	to          netip.Addr // of the example
}

// A field is a part of a packet, at an offset in bytes from the IP header.
type field struct {
	at   int16
	size asm.Size
}

const ethernetSize = 14

// layoutOf returns the layout of RFC 791 or RFC 8200. The fields are the protocol (with
// the checksum after it in IPv4, the length before it in IPv6), the destination address, the
// destination port, and the flags of TCP with the byte before them.
func layoutOf(f config.Family) layout {
	if f == config.IPv4 {
		return layout{
			etherType: unix.ETH_P_IP, segmentSize: 20 + 20, entrySize: 12,
			fields: []field{{8, asm.Word}, {16, asm.Word}, {22, asm.Half}, {20 + 12, asm.Half}},
			to:     netip.AddrFrom4([4]byte{192, 0, 2, 1}),
		}
	}
	return layout{
		etherType: unix.ETH_P_IPV6, segmentSize: 40 + 20, entrySize: 24,
		fields: []field{{24, asm.DWord}, {32, asm.DWord}, {4, asm.Word}, {42, asm.Half}, {40 + 12, asm.Half}},
		to:     netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}),
	}
}

// entry returns the fields of a segment.
func (l layout) entry(segment []byte) []byte {
	entry := make([]byte, 0, l.entrySize)
	for _, w := range l.fields {
		entry = append(entry, segment[w.at:int(w.at)+w.size.Sizeof()]...)
	}
	return entry[:l.entrySize]
}

// copies returns instructions that copy the fields of an entry to a frame.
func (l layout) copies(data, entry, value asm.Register) asm.Instructions {
	var all asm.Instructions
	from := int16(0)
	for _, w := range l.fields {
		all = append(all, asm.LoadMem(value, entry, from, w.size), asm.StoreMem(data, ethernetSize+w.at, value, w.size))
		from += int16(w.size.Sizeof())
	}
	return all
}

// frame returns an example frame for the loopback device, whose address is 0.
func (l layout) frame() []byte {
	frame := make([]byte, ethernetSize, ethernetSize+l.segmentSize)
	frame[12], frame[13] = byte(l.etherType>>8), byte(l.etherType)
	return append(frame, segmentOf(equivalence.Packet{To: l.to})...)
}
