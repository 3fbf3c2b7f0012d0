package nft

import (
	"encoding/binary"
	"strings"
)

// Types in the userdata of libnftnl (udata.h): a byte of type, a byte of
// length, the value.
const (
	udComment      = 0 // of tables, chains, rules and elements
	udSetKeyOrder  = 0
	udSetDataOrder = 1
	udSetComment   = 7

	// udPrevious is lvsmark's own, on elements of the set of settings: the value
	// that the kernel had before apply. nft passes over types it does not know.
	udPrevious = 0x6c

	orderHost    = 1 // enum byteorder of nft
	orderNetwork = 2
)

func appendUserdata(b []byte, typ byte, value []byte) []byte {
	return append(append(b, typ, byte(len(value))), value...)
}

// appendComment adds text as nft does, NUL included. Nothing for no text.
func appendComment(b []byte, typ byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendUserdata(b, typ, append([]byte(text), 0))
}

// userdata finds the value of a type; false when there is none or the data are
// cut short.
func userdata[T bytesOrText](b T, typ byte) (value T, ok bool) {
	for len(b) >= 2 {
		t, n := b[0], int(b[1])
		if len(b) < 2+n {
			return value, false
		}
		if t == typ {
			return b[2 : 2+n], true
		}
		b = b[2+n:]
	}
	return value, false
}

func userdataText[T bytesOrText](b T, typ byte) string {
	value, _ := userdata(b, typ)
	return strings.TrimRight(string(value), "\x00")
}

// setUserdata is what makes nft list marks in the right byte order.
func setUserdata(s *Set) []byte {
	order := func(host bool) []byte {
		if host {
			return binary.NativeEndian.AppendUint32(nil, orderHost)
		}
		return binary.NativeEndian.AppendUint32(nil, orderNetwork)
	}
	b := appendUserdata(nil, udSetKeyOrder, order(s.KeyHost))
	if s.isMap() {
		b = appendUserdata(b, udSetDataOrder, order(s.DataHost))
	}
	return appendComment(b, udSetComment, s.Comment)
}

func orderIsHost(b []byte, typ byte) bool {
	value, ok := userdata(b, typ)
	return ok && len(value) == 4 && binary.NativeEndian.Uint32(value) == orderHost
}
