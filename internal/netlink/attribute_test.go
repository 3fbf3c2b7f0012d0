package netlink

import (
	"bytes"
	"encoding/binary"
	"testing"

	mdlayher "github.com/mdlayher/netlink"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// encoded returns one attribute of each type.
func encoded() []byte {
	b := AppendUint8(nil, 1, 0x12)
	b = AppendUint16(b, 2, 0x1234)
	b = AppendUint32(b, 3, 0x12345678)
	b = AppendBigEndian16(b, 4, 0x1234)
	b = AppendText(b, 5, "wlc")
	b = AppendAttribute(b, 6, []byte{1, 2, 3, 4, 5})
	return AppendNested(b, 7, func(b []byte) []byte { return AppendUint32(AppendText(b, 1, "a"), 2, 9) })
}

// TestAttributesAgainstLibrary: this package and mdlayher/netlink encode the same bytes,
// and each decodes those of the other.
func TestAttributesAgainstLibrary(t *testing.T) {
	ae := mdlayher.NewAttributeEncoder()
	ae.Uint8(1, 0x12)
	ae.Uint16(2, 0x1234)
	ae.Uint32(3, 0x12345678)
	ae.Bytes(4, []byte{0x12, 0x34})
	ae.String(5, "wlc")
	ae.Bytes(6, []byte{1, 2, 3, 4, 5})
	ae.Nested(7, func(nested *mdlayher.AttributeEncoder) error {
		nested.String(1, "a")
		nested.Uint32(2, 9)
		return nil
	})
	want, err := ae.Encode()
	require.NoError(t, err)
	assert.Equal(t, want, encoded())

	library, err := mdlayher.UnmarshalAttributes(encoded())
	require.NoError(t, err)
	i := 0
	for typ, content := range Attributes(string(encoded())) {
		assert.Equal(t, library[i].Type&^AttributeFlags, typ)
		assert.Equal(t, string(library[i].Data), content)
		i++
	}
	assert.Len(t, library, i)
}

// TestBigEndian: numbers of nf_tables are in network byte order.
func TestBigEndian(t *testing.T) {
	ae := mdlayher.NewAttributeEncoder()
	ae.ByteOrder = binary.BigEndian
	ae.Uint32(1, 0x12345678)
	ae.Uint64(2, 0x123456789abcdef0)
	want, err := ae.Encode()
	require.NoError(t, err)
	b := AppendBigEndian64(AppendBigEndian32(nil, 1, 0x12345678), 2, 0x123456789abcdef0)
	assert.Equal(t, want, b)
	assert.Equal(t, want, AppendAttributes(nil, []Attribute{{1, b[4:8]}, {2, b[12:]}}))
}

func TestDecoder(t *testing.T) {
	d := Decode(encoded())
	require.True(t, d.Next())
	assert.Equal(t, uint8(0x12), d.Uint8())
	require.True(t, d.Next())
	assert.Equal(t, uint16(0x1234), d.Uint16())
	require.True(t, d.Next())
	assert.Equal(t, uint32(0x12345678), d.Uint32())
	require.True(t, d.Next())
	assert.Equal(t, uint16(0x1234), d.BigEndian16())
	require.True(t, d.Next())
	assert.Equal(t, "wlc", d.Text())
	require.True(t, d.Next())
	assert.Equal(t, []byte{1, 2, 3, 4, 5}, d.Bytes())
	require.True(t, d.Next())
	assert.Equal(t, uint16(7), d.Type(), "without flags")
	assert.False(t, d.Next())
	require.NoError(t, d.Err())

	nested := DecodeNested(encoded(), 7)
	require.True(t, nested.Next())
	assert.Equal(t, "a", nested.Text())
	absent := DecodeNested(encoded(), 8)
	assert.False(t, absent.Next())
	assert.ErrorIs(t, absent.Err(), ErrMalformed)
}

// TestDecoderErrors: decoding stops at the first error, and the value is zero.
func TestDecoderErrors(t *testing.T) {
	for name, read := range map[string]func(*Decoder) any{
		"uint8":        func(d *Decoder) any { return d.Uint8() },
		"uint16":       func(d *Decoder) any { return d.Uint16() },
		"uint32":       func(d *Decoder) any { return d.Uint32() },
		"uint64":       func(d *Decoder) any { return d.Uint64() },
		"big endian":   func(d *Decoder) any { return d.BigEndian16() },
		"unterminated": func(d *Decoder) any { return d.Text() },
	} {
		d := Decode(AppendUint8(AppendAttribute(nil, 1, []byte{1, 2, 3}), 2, 1))
		require.True(t, d.Next(), name)
		assert.Zero(t, read(&d), name)
		assert.ErrorIs(t, d.Err(), ErrMalformed, name)
		assert.False(t, d.Next(), name)
	}
	for cut := 1; cut < AttributeHeaderLen+5; cut++ {
		d := Decode(AppendAttribute(nil, 6, []byte{1, 2, 3, 4, 5})[:cut])
		assert.False(t, d.Next(), "%d bytes", cut)
		assert.ErrorIs(t, d.Err(), ErrMalformed, "%d bytes", cut)
	}
}

func TestTooLong(t *testing.T) {
	fits := make([]byte, 0xffff-AttributeHeaderLen)
	assert.NotPanics(t, func() { AppendAttribute(nil, 1, fits) })
	assert.Panics(t, func() { AppendAttribute(nil, 1, append(fits, 0)) })
	assert.Panics(t, func() {
		AppendNested(nil, 1, func(b []byte) []byte { return append(b, append(fits, 0)...) })
	})
}

// FuzzDecoder: decoding any bytes does not panic and does not read beyond them.
func FuzzDecoder(f *testing.F) {
	f.Add(encoded())
	f.Fuzz(func(t *testing.T, b []byte) {
		read := 0
		for d := Decode(b); d.Next(); {
			read += len(d.Bytes()) + AttributeHeaderLen
			assert.True(t, bytes.Contains(b, d.Bytes()))
		}
		assert.LessOrEqual(t, read, len(b))
		d := DecodeNested(b, unix.NLA_F_NESTED|1)
		for d.Next() {
			_, _, _ = d.Text(), d.Uint32(), d.Uint16()
		}
	})
}

// BenchmarkAttributes compares this codec with that of mdlayher/netlink, with attributes
// like those of a real server.
func BenchmarkAttributes(b *testing.B) {
	attributes := encoded()
	sum := uint32(0)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			for d := Decode(attributes); d.Next(); {
				if d.Type() == 3 {
					sum += d.Uint32()
				}
			}
		}
	})
	b.Run("decode-library", func(b *testing.B) {
		for b.Loop() {
			d, _ := mdlayher.NewAttributeDecoder(attributes)
			for d.Next() {
				if d.Type() == 3 {
					sum += d.Uint32()
				}
			}
		}
	})
	buffer := make([]byte, 0, 64)
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			AppendUint32(AppendUint16(AppendText(buffer, 1, "wlc"), 2, 1), 3, 1)
		}
	})
	b.Run("encode-library", func(b *testing.B) {
		for b.Loop() {
			e := mdlayher.NewAttributeEncoder()
			e.String(1, "wlc")
			e.Uint16(2, 1)
			e.Uint32(3, 1)
			_, _ = e.Encode()
		}
	})
}
