package netlink

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// Attributes are struct nlattr: the length with this header and the type, 16 bits each
// in host byte order; then the content, padded to 4 bytes.
//
// This is not the AttributeEncoder and AttributeDecoder of mdlayher/netlink: those copy
// the content of each attribute and allocate for it, and read no string, in which
// package nft keeps elements and expressions (BenchmarkAttributes compares them).
const (
	AttributeHeaderLen = unix.NLA_HDRLEN // bytes

	// AttributeFlags are the bits of a type that say how the content is written.
	AttributeFlags = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
)

// Content is what attributes are written from and read from.
type Content interface{ ~string | ~[]byte }

// AppendAttribute adds an attribute. It panics where the content and header do not fit
// the 16 bits of the length.
func AppendAttribute[T Content](b []byte, typ uint16, content T) []byte {
	return appendPadding(append(AppendAttributeHeader(b, typ, len(content)), content...), len(content))
}

// AppendAttributeHeader adds the header of an attribute whose content has so many
// bytes, a multiple of 4. The caller appends the content.
func AppendAttributeHeader(b []byte, typ uint16, length int) []byte {
	n := AttributeHeaderLen + length
	if n > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	b = binary.NativeEndian.AppendUint16(b, uint16(n))
	return binary.NativeEndian.AppendUint16(b, typ)
}

// AppendText adds a string and the zero byte that ends it.
func AppendText(b []byte, typ uint16, text string) []byte {
	b = append(append(AppendAttributeHeader(b, typ, len(text)+1), text...), 0)
	return appendPadding(b, len(text)+1)
}

// AppendUint8 adds a number.
func AppendUint8(b []byte, typ uint16, v uint8) []byte {
	return append(AppendAttributeHeader(b, typ, 1), v, 0, 0, 0)
}

// AppendUint16 adds a number in host byte order.
func AppendUint16(b []byte, typ, v uint16) []byte {
	b = binary.NativeEndian.AppendUint16(AppendAttributeHeader(b, typ, 2), v)
	return append(b, 0, 0)
}

// AppendUint32 adds a number in host byte order.
func AppendUint32(b []byte, typ uint16, v uint32) []byte {
	return binary.NativeEndian.AppendUint32(AppendAttributeHeader(b, typ, 4), v)
}

// AppendBigEndian16 adds a number in network byte order.
func AppendBigEndian16(b []byte, typ, v uint16) []byte {
	b = binary.BigEndian.AppendUint16(AppendAttributeHeader(b, typ, 2), v)
	return append(b, 0, 0)
}

// AppendBigEndian32 adds a number in network byte order.
func AppendBigEndian32(b []byte, typ uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(AppendAttributeHeader(b, typ, 4), v)
}

// AppendBigEndian64 adds a number in network byte order.
func AppendBigEndian64(b []byte, typ uint16, v uint64) []byte {
	return binary.BigEndian.AppendUint64(AppendAttributeHeader(b, typ, 8), v)
}

// An Attribute is one that is kept whole.
type Attribute struct {
	Type uint16 // with flags
	Data []byte
}

// AppendAttributes adds attributes.
func AppendAttributes(b []byte, list []Attribute) []byte {
	for _, a := range list {
		b = AppendAttribute(b, a.Type, a.Data)
	}
	return b
}

// AppendNested adds an attribute whose content is the attributes that add appends. It
// panics as AppendAttribute does.
func AppendNested(b []byte, typ uint16, add func([]byte) []byte) []byte {
	begin := len(b)
	b = add(AppendAttributeHeader(b, unix.NLA_F_NESTED|typ, 0))
	if len(b)-begin > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	binary.NativeEndian.PutUint16(b[begin:], uint16(len(b)-begin))
	return b
}

// appendPadding fills up content of so many bytes to the boundary on which the next
// attribute or message begins.
func appendPadding(b []byte, length int) []byte {
	var padding [3]byte
	return append(b, padding[:Aligned(length)-length]...)
}

// Attributes yields the type of each attribute, without flags, and its content, which
// is a part of b. An attribute that is cut short ends it without an error: a caller
// that must know uses [Decode].
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

// FirstAttribute returns the first attribute of b: its type, with flags, its content,
// which is a part of b, and how many bytes it takes with header and padding. They are 0
// where there is no whole attribute.
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

// Aligned is n rounded up to the boundary on which attributes and messages begin.
func Aligned(n int) int { return (n + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1) }
