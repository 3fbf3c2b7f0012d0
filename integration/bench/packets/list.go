package packets

import (
	"encoding/binary"
	"fmt"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A List is packets in the order in which they are sent, again and again.
type List struct {
	entries []byte
	length  int
}

// MostPackets is the greatest length of a list.
const MostPackets = 1 << 14

// Of each frame the generator writes the words that differ: those of the IPv4
// header (RFC 791) with the protocol and checksum, and with the destination, and
// the destination port.
const (
	entrySize    = 12
	ethernetSize = 14
	segmentSize  = 20 + 20 // IPv4 and TCP headers
	atProtocol   = 8
	atTo         = 16
	atPort       = 22
)

// NewList is a list of packets over IPv4.
func NewList(packets []equivalence.Packet) (*List, error) {
	if len(packets) == 0 || len(packets) > MostPackets {
		return nil, fmt.Errorf("a list of %d packets: there are 1 to %d in one", len(packets), MostPackets)
	}
	l := &List{entries: make([]byte, 0, entrySize*len(packets)), length: len(packets)}
	for _, p := range packets {
		if !p.To.Is4() {
			return nil, fmt.Errorf("%s: the generator sends IPv4 alone", p)
		}
		segment := segmentOf(p)
		l.entries = append(l.entries, segment[atProtocol:atProtocol+4]...)
		l.entries = append(l.entries, segment[atTo:atTo+4]...)
		l.entries = append(l.entries, segment[atPort], segment[atPort+1], 0, 0)
	}
	return l, nil
}

// Len is the number of packets.
func (l *List) Len() int { return l.length }

// segmentOf is the packet as a TCP segment, with its own protocol in the header:
// what else other protocols have behind their ports, no rule here looks at.
func segmentOf(p equivalence.Packet) []byte {
	tcp := p
	tcp.Protocol = 6
	segment := tcp.AppendIP(nil)
	segment[atProtocol+1] = p.Protocol
	segment[atProtocol+2], segment[atProtocol+3] = 0, 0
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(segment[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(segment[atProtocol+2:], ^uint16(sum&0xffff+sum>>16))
	return segment
}

// frameOf is the packet for the loopback device, whose address is 0.
func frameOf(p equivalence.Packet) []byte {
	frame := make([]byte, ethernetSize, ethernetSize+segmentSize)
	frame[12] = 0x08 // IPv4
	return append(frame, segmentOf(p)...)
}
