package packets

import (
	"encoding/binary"
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A List is a list of packets of one family, sent in this order and repeatedly.
type List struct {
	family  config.Family
	entries []byte
	length  int
}

// Flags of TCP (RFC 9293, 3.1).
const (
	FlagSYN byte = 0x02
	FlagACK byte = 0x10
)

// MaxPackets is the maximum length of a list.
const MaxPackets = 1 << 14

// NewList returns a list of packets with these flags of TCP. All must be of the same family.
func NewList(packets []equivalence.Packet, flags byte) (*List, error) {
	if len(packets) == 0 || len(packets) > MaxPackets {
		return nil, fmt.Errorf("a list of %d packets: it must have 1 to %d", len(packets), MaxPackets)
	}
	l := &List{family: config.FamilyOf(packets[0].To), length: len(packets)}
	form := layoutOf(l.family)
	l.entries = make([]byte, 0, form.entrySize*len(packets))
	for _, p := range packets {
		if config.FamilyOf(p.To) != l.family {
			return nil, fmt.Errorf("%s: the list is of %s", p, l.family)
		}
		segment := segmentOf(p)
		segment[form.segmentSize-20+13] = flags // the checksum of TCP is not updated: nothing reads it
		l.entries = append(l.entries, form.entry(segment)...)
	}
	return l, nil
}

// Len returns the number of packets.
func (l *List) Len() int { return l.length }

// segmentOf returns the packet as a TCP segment, but with its own protocol in the IP
// header. No rule here reads more than the ports of other protocols.
func segmentOf(p equivalence.Packet) []byte {
	tcp := p
	tcp.Protocol = 6
	segment := tcp.AppendIP(nil)
	if p.To.Is6() {
		segment[6] = p.Protocol // RFC 8200: a header without a checksum
		return segment
	}
	segment[9] = p.Protocol // RFC 791
	segment[10], segment[11] = 0, 0
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(segment[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(segment[10:], ^uint16(sum&0xffff+sum>>16))
	return segment
}
