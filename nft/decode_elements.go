package nft

import (
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// decodeElements reads a list of elements, appending to s.
func decodeElements(s *Set, b []byte) error {
	var list []byte
	if err := decode(b, "set elements", func(a attribute) {
		if a.typ == unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			list = a.data
		}
	}); err != nil {
		return err
	}
	// One copy for all: elements are parts of it.
	rest := string(list)
	return decode(list, "set elements", func(item attribute) {
		_, content, n := netlink.FirstAttribute(rest)
		s.Elements = append(s.Elements, decodeElement(content))
		rest = rest[n:]
	})
}

// decodeElement takes an element apart. The kernel mostly sends it as it is kept
// here, the key first, so that its parts need no copy.
func decodeElement(content string) Element {
	split := 0 // where the key ends
	for b := content; len(b) > 0; {
		typ, _, n := netlink.FirstAttribute(b)
		switch {
		case n == 0 || typ == unix.NFTA_SET_ELEM_EXPIRATION || typ&netlink.AttributeFlags != 0,
			inKey(typ) && split < len(content)-len(b):
			return sortedElement(content)
		case inKey(typ):
			split += n
		}
		b = b[n:]
	}
	return Element{Key: content[:split], Rest: content[split:]}
}

// inKey tells the attributes that find an element.
func inKey(typ uint16) bool {
	return typ == unix.NFTA_SET_ELEM_KEY || typ == nftaSetElemKeyEnd || typ == unix.NFTA_SET_ELEM_FLAGS
}

func sortedElement(content string) Element {
	var key, rest []byte
	for typ, data := range netlink.Attributes(content) {
		switch {
		case inKey(typ):
			key = netlink.AppendAttribute(key, typ, data)
		case typ != unix.NFTA_SET_ELEM_EXPIRATION:
			rest = netlink.AppendAttribute(rest, typ, data)
		}
	}
	return Element{Key: string(key), Rest: string(rest)}
}
