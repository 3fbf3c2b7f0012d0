package netlink

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// An attribute is struct nlattr: the length including this header, and the type, 16 bits
// each in host byte order; then the content, padded to 4 bytes.
//
// The AttributeEncoder and AttributeDecoder of mdlayher/netlink copy the content of each
// attribute and allocate for it, and cannot read strings, in which package nft keeps
// elements and expressions. BenchmarkAttributes compares the two codecs.
const (
	AttributeHeaderLen = unix.NLA_HDRLEN // bytes

	// AttributeFlags are the bits of an attribute type that describe the encoding.
	AttributeFlags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
)

// Content is the type of encoded attributes.
type Content interface{ ~string | ~[]byte }

// AppendAttribute appends an attribute. It panics if content and header exceed 65535
// bytes.
func AppendAttribute[T Content](b []byte, typ uint16, content T) []byte {
	return appendPadding(append(AppendAttributeHeader(b, typ, len(content)), content...), len(content))
}

// AppendAttributeHeader appends the header of an attribute with length bytes of content,
// a multiple of 4. The caller appends the content.
func AppendAttributeHeader(b []byte, typ uint16, length int) []byte {
	n := AttributeHeaderLen + length
	if n > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	b = binary.NativeEndian.AppendUint16(b, uint16(n))
	return binary.NativeEndian.AppendUint16(b, typ)
}

// AppendText appends a string with a terminating zero byte.
func AppendText(b []byte, typ uint16, text string) []byte {
	b = append(append(AppendAttributeHeader(b, typ, len(text)+1), text...), 0)
	return appendPadding(b, len(text)+1)
}

// AppendUint8 appends a number.
func AppendUint8(b []byte, typ uint16, v uint8) []byte {
	return append(AppendAttributeHeader(b, typ, 1), v, 0, 0, 0)
}

// AppendUint16 appends a number in host byte order.
func AppendUint16(b []byte, typ, v uint16) []byte {
	b = binary.NativeEndian.AppendUint16(AppendAttributeHeader(b, typ, 2), v)
	return append(b, 0, 0)
}

// AppendUint32 appends a number in host byte order.
func AppendUint32(b []byte, typ uint16, v uint32) []byte {
	return binary.NativeEndian.AppendUint32(AppendAttributeHeader(b, typ, 4), v)
}

// AppendBigEndian16 appends a number in network byte order.
func AppendBigEndian16(b []byte, typ, v uint16) []byte {
	b = binary.BigEndian.AppendUint16(AppendAttributeHeader(b, typ, 2), v)
	return append(b, 0, 0)
}

// AppendBigEndian32 appends a number in network byte order.
func AppendBigEndian32(b []byte, typ uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(AppendAttributeHeader(b, typ, 4), v)
}

// AppendBigEndian64 appends a number in network byte order.
func AppendBigEndian64(b []byte, typ uint16, v uint64) []byte {
	return binary.BigEndian.AppendUint64(AppendAttributeHeader(b, typ, 8), v)
}

// An Attribute is an attribute with undecoded content.
type Attribute struct {
	Type uint16 // with flags
	Data []byte
}

// AppendAttributes appends attributes.
func AppendAttributes(b []byte, list []Attribute) []byte {
	for _, a := range list {
		b = AppendAttribute(b, a.Type, a.Data)
	}
	return b
}

// AppendNested appends an attribute that contains the attributes that add appends. It
// panics like AppendAttribute.
func AppendNested(b []byte, typ uint16, add func([]byte) []byte) []byte {
	begin := len(b)
	b = add(AppendAttributeHeader(b, unix.NLA_F_NESTED|typ, 0))
	if len(b)-begin > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	binary.NativeEndian.PutUint16(b[begin:], uint16(len(b)-begin))
	return b
}

// appendPadding pads content of that length to the alignment of attributes and messages.
func appendPadding(b []byte, length int) []byte {
	var padding [3]byte
	return append(b, padding[:Aligned(length)-length]...)
}

// Attributes yields the type, without flags, and the content of each attribute. The
// content is a slice of b. Iteration stops at a truncated attribute without an error; use
// [Decode] to detect it.
func Attributes[T Content](b T) iter.Seq2[uint16, T] {
	return func(yield func(uint16, T) bool) {
		for {
			typ, content, n := FirstAttribute(b)
			if n == 0 || !yield(typ&^AttributeFlags, content) {
				return
			}
			b = b[n:]
		}
	}
}

// FirstAttribute returns the first attribute of b: its type with flags, its content, which
// is a slice of b, and its length in bytes with header and padding. They are zero if b
// does not begin with a complete attribute.
func FirstAttribute[T Content](b T) (typ uint16, content T, length int) {
	if len(b) < AttributeHeaderLen {
		return 0, content, 0
	}
	header := [AttributeHeaderLen]byte{b[0], b[1], b[2], b[3]}
	n := int(binary.NativeEndian.Uint16(header[:]))
	if n < AttributeHeaderLen || n > len(b) {
		return 0, content, 0
	}
	return binary.NativeEndian.Uint16(header[2:]), b[AttributeHeaderLen:n], min(Aligned(n), len(b))
}

// Aligned rounds n up to the alignment of attributes and messages.
func Aligned(n int) int { return (n + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1) }
