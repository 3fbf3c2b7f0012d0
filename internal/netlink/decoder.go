package netlink

import "encoding/binary"

// A Decoder reads attributes in order and decodes their content. It stops at the first
// error, which is ErrMalformed.
type Decoder struct {
	rest    []byte
	typ     uint16
	content []byte
	err     error
}

// Decode returns a Decoder of the attributes in b. Call Next before the first attribute.
func Decode(b []byte) Decoder { return Decoder{rest: b} }

// DecodeNested returns a Decoder of the attributes inside the first attribute of that
// type.
func DecodeNested(b []byte, typ uint16) Decoder {
	d := Decode(b)
	for d.Next() {
		if d.typ == typ {
			return Decode(d.content)
		}
	}
	return Decoder{err: ErrMalformed}
}

// Next moves to the next attribute. It returns false at the end and after an error.
func (d *Decoder) Next() bool {
	if d.err != nil || len(d.rest) == 0 {
		return false
	}
	typ, content, n := FirstAttribute(d.rest)
	if n == 0 {
		d.err = ErrMalformed
		return false
	}
	d.typ, d.content, d.rest = typ&^AttributeFlags, content, d.rest[n:]
	return true
}

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Type returns the type of the attribute, without flags.
func (d *Decoder) Type() uint16 { return d.typ }

// Bytes returns the content of the attribute, a slice of the decoded bytes.
func (d *Decoder) Bytes() []byte { return d.content }

// Uint8 returns a number of one byte.
func (d *Decoder) Uint8() uint8 {
	if !d.has(1) {
		return 0
	}
	return d.content[0]
}

// Uint16 returns a number of two bytes in host byte order.
func (d *Decoder) Uint16() uint16 {
	if !d.has(2) {
		return 0
	}
	return binary.NativeEndian.Uint16(d.content)
}

// BigEndian16 returns a number of two bytes in network byte order.
func (d *Decoder) BigEndian16() uint16 {
	if !d.has(2) {
		return 0
	}
	return binary.BigEndian.Uint16(d.content)
}

// BigEndian32 returns a number of four bytes in network byte order.
func (d *Decoder) BigEndian32() uint32 {
	if !d.has(4) {
		return 0
	}
	return binary.BigEndian.Uint32(d.content)
}

// Uint32 returns a number of four bytes in host byte order.
func (d *Decoder) Uint32() uint32 {
	if !d.has(4) {
		return 0
	}
	return binary.NativeEndian.Uint32(d.content)
}

// Uint64 returns a number of eight bytes in host byte order.
func (d *Decoder) Uint64() uint64 {
	if !d.has(8) {
		return 0
	}
	return binary.NativeEndian.Uint64(d.content)
}

// Text returns a string, which must be terminated by a zero byte.
func (d *Decoder) Text() string {
	n := len(d.content) - 1
	if n < 0 || d.content[n] != 0 {
		d.err = ErrMalformed
		return ""
	}
	return string(d.content[:n])
}

func (d *Decoder) has(length int) bool {
	if len(d.content) != length {
		d.err = ErrMalformed
	}
	return d.err == nil
}
