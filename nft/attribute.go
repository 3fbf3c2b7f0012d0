package nft

import (
	"encoding/binary"
	"iter"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// appendAttribute adds one netlink attribute (struct nlattr, padded to 4 bytes).
// data must be shorter than 64 KiB: its length goes over the wire in 16 bits.
func appendAttribute[T bytesOrText](b []byte, typ uint16, data T) []byte {
	return appendPadding(append(appendHeader(b, typ, len(data)), data...))
}

// appendHeader begins an attribute of so many bytes.
func appendHeader(b []byte, typ uint16, length int) []byte {
	n := attributeHeader + length
	if n > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	b = binary.NativeEndian.AppendUint16(b, uint16(n))
	return binary.NativeEndian.AppendUint16(b, typ)
}

// appendPadding brings b to the boundary on which the next attribute begins; b
// has begun on one.
func appendPadding(b []byte) []byte {
	var padding [3]byte
	return append(b, padding[:aligned(len(b))-len(b)]...)
}

func appendAttributes(b []byte, attrs []netlink.Attribute) []byte {
	for _, a := range attrs {
		b = appendAttribute(b, a.Type, a.Data)
	}
	return b
}

func appendText(b []byte, typ uint16, text string) []byte {
	return appendAttribute(b, typ, append([]byte(text), 0))
}

func appendUint32(b []byte, typ uint16, v uint32) []byte {
	return appendAttribute(b, typ, binary.BigEndian.AppendUint32(nil, v))
}

func appendUint64(b []byte, typ uint16, v uint64) []byte {
	return appendAttribute(b, typ, binary.BigEndian.AppendUint64(nil, v))
}

// bytesOrText is what attributes are read from.
type bytesOrText interface{ ~string | ~[]byte }

const (
	attributeHeader = 4 // bytes
	attributeFlags  = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
)

// attributes yields the type of each attribute, without flags, and its content,
// which is a part of b. What is cut short ends it: the kernel does not send that,
// and a caller that needs to know compares what it got.
func attributes[T bytesOrText](b T) iter.Seq2[uint16, T] {
	return func(yield func(uint16, T) bool) {
		for {
			typ, data, n := firstAttribute(b)
			if n == 0 || !yield(typ&^attributeFlags, data) {
				return
			}
			b = b[n:]
		}
	}
}

// firstAttribute reads the attribute that b begins with, and how many bytes it
// takes; 0: there is no whole one.
func firstAttribute[T bytesOrText](b T) (typ uint16, data T, length int) {
	if len(b) < attributeHeader {
		return 0, data, 0
	}
	n := int(binary.NativeEndian.Uint16([]byte(b[:2])))
	if n < attributeHeader || n > len(b) {
		return 0, data, 0
	}
	return binary.NativeEndian.Uint16([]byte(b[2:4])), b[attributeHeader:n], min(aligned(n), len(b))
}

// aligned is n rounded up to the boundary on which attributes begin.
func aligned(n int) int { return (n + 3) &^ 3 }

// uint32Of reads a number of 4 bytes in network byte order.
func uint32Of[T bytesOrText](b T) uint32 { return binary.BigEndian.Uint32([]byte(b)) }

// hostOrdered reads one in host byte order.
func hostOrdered[T bytesOrText](b T) uint32 { return binary.NativeEndian.Uint32([]byte(b)) }
