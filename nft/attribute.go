package nft

import (
	"encoding/binary"

	"github.com/mdlayher/netlink"
)

// appendAttribute adds one netlink attribute (struct nlattr, padded to 4 bytes).
// data must be shorter than 64 KiB: its length goes over the wire in 16 bits.
func appendAttribute(b []byte, typ uint16, data []byte) []byte {
	n := 4 + len(data)
	if n > 0xffff {
		panic("netlink attribute of 64 KiB or more")
	}
	b = binary.NativeEndian.AppendUint16(b, uint16(n))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, data...)
	return append(b, make([]byte, (4-n%4)%4)...)
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
