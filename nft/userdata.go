package nft

import (
	"encoding/binary"
	"strings"

	"github.com/google/nftables/userdata"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// udPrevious is lvsmark's own type of userdata, in elements of the settings set: the value
// before apply. nft ignores unknown types.
const udPrevious userdata.Type = 0x6c

// Byte orders of sets in userdata: enum byteorder of nft.
const (
	orderHost    = 1
	orderNetwork = 2
)

// appendComment appends text like nft, with a NUL; nothing for empty text.
func appendComment(b []byte, typ userdata.Type, text string) []byte {
	if text == "" {
		return b
	}
	return userdata.AppendString(b, typ, text)
}

// findUserdata returns the value of a type; false if there is none or the data are
// truncated, where userdata.Get of google/nftables panics.
func findUserdata[T netlink.Content](b T, typ userdata.Type) (value T, ok bool) {
	for len(b) >= 2 {
		t, n := userdata.Type(b[0]), int(b[1])
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

func userdataText[T netlink.Content](b T, typ userdata.Type) string {
	value, _ := findUserdata(b, typ)
	return strings.TrimRight(string(value), "\x00")
}

// setUserdata encodes the comment and the byte orders, which nft needs to list marks.
func setUserdata(s *Set) []byte {
	if s.userdata != nil {
		return s.userdata
	}
	order := func(host bool) []byte {
		if host {
			return binary.NativeEndian.AppendUint32(nil, orderHost)
		}
		return binary.NativeEndian.AppendUint32(nil, orderNetwork)
	}
	b := userdata.Append(nil, userdata.NFTNL_UDATA_SET_KEYBYTEORDER, order(s.KeyHost))
	if s.isMap() {
		b = userdata.Append(b, userdata.NFTNL_UDATA_SET_DATABYTEORDER, order(s.DataHost))
	}
	return appendComment(b, userdata.NFTNL_UDATA_SET_COMMENT, s.Comment)
}

func orderIsHost(b []byte, typ userdata.Type) bool {
	value, ok := findUserdata(b, typ)
	return ok && len(value) == 4 && binary.NativeEndian.Uint32(value) == orderHost
}
