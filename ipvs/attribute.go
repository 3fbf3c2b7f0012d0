package ipvs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// Netlink attributes: struct nlattr, which is the length with this header and the
// type, 16 bits each; then the content, padded to 4 bytes. Numbers are in host
// byte order unless the name of an attribute says port or address.
const (
	attributeHeader = 4 // bytes
	attributeFlags  = unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER
)

// aligned is n rounded up to the boundary on which attributes begin.
func aligned(n int) int { return (n + 3) &^ 3 }

// appendAttribute adds an attribute.
func appendAttribute(b []byte, typ uint16, data ...byte) []byte {
	var padding [3]byte
	b = binary.NativeEndian.AppendUint16(b, uint16(attributeHeader+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, data...)
	return append(b, padding[:aligned(len(data))-len(data)]...)
}

func appendUint16(b []byte, typ, v uint16) []byte {
	var data [2]byte
	binary.NativeEndian.PutUint16(data[:], v)
	return appendAttribute(b, typ, data[:]...)
}

func appendUint32(b []byte, typ uint16, v uint32) []byte {
	var data [4]byte
	binary.NativeEndian.PutUint32(data[:], v)
	return appendAttribute(b, typ, data[:]...)
}

// appendPort adds a number of 16 bits in network byte order.
func appendPort(b []byte, typ, v uint16) []byte {
	return appendAttribute(b, typ, byte(v>>8), byte(v))
}

// appendText adds a string that a zero byte ends.
func appendText(b []byte, typ uint16, text string) []byte {
	return appendAttribute(b, typ, append([]byte(text), 0)...)
}

// appendNested adds an attribute whose content is what add appends.
func appendNested(b []byte, typ uint16, add func([]byte) []byte) []byte {
	begin := len(b)
	b = add(appendAttribute(b, unix.NLA_F_NESTED|typ))
	binary.NativeEndian.PutUint16(b[begin:], uint16(len(b)-begin))
	return b
}

// A decoder reads attributes, and keeps the error of the first that is malformed.
type decoder struct{ err error }

func (d *decoder) fail() {
	if d.err == nil {
		d.err = exchange.ErrMalformed
	}
}

// next cuts the first attribute off b. It returns its type, without flags, and
// its content. What is malformed ends b.
func (d *decoder) next(b *[]byte) (typ uint16, data []byte) {
	if len(*b) < attributeHeader {
		d.fail()
		*b = nil
		return 0, nil
	}
	n := int(binary.NativeEndian.Uint16(*b))
	if n < attributeHeader || n > len(*b) {
		d.fail()
		*b = nil
		return 0, nil
	}
	typ, data = binary.NativeEndian.Uint16((*b)[2:])&^attributeFlags, (*b)[attributeHeader:n]
	*b = (*b)[min(aligned(n), len(*b)):]
	return typ, data
}

// inside returns the content of the first attribute of that type.
func (d *decoder) inside(b []byte, outer uint16) []byte {
	for len(b) > 0 {
		if typ, data := d.next(&b); typ == outer {
			return data
		}
	}
	d.fail()
	return nil
}

func (d *decoder) uint8(b []byte) uint8 {
	if len(b) != 1 {
		d.fail()
		return 0
	}
	return b[0]
}

func (d *decoder) uint16(b []byte) uint16 {
	if len(b) != 2 {
		d.fail()
		return 0
	}
	return binary.NativeEndian.Uint16(b)
}

func (d *decoder) uint32(b []byte) uint32 {
	if len(b) != 4 {
		d.fail()
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// port reads a number of 16 bits in network byte order.
func (d *decoder) port(b []byte) uint16 {
	if len(b) != 2 {
		d.fail()
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// text reads a string that a zero byte ends.
func (d *decoder) text(b []byte) string {
	if len(b) == 0 || b[len(b)-1] != 0 {
		d.fail()
		return ""
	}
	return string(b[:len(b)-1])
}
