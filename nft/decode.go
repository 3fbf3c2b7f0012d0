package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// flowtable is the Kind of an Unmanaged that is not a stateful object.
const flowtable = "flowtable"

// objectNames are the names in nft(8), by NFT_OBJECT_*.
var objectNames = map[uint32]string{
	1: "counter", 2: "quota", 3: "ct helper", 4: "limit", 5: "connlimit",
	6: "tunnel", 7: "ct timeout", 8: "secmark", 9: "ct expectation", 10: "synproxy",
}

// ObjectKind returns nft's name for a type of stateful objects, NFT_OBJECT_*; empty if it
// is unknown.
func ObjectKind(typ uint32) string { return objectNames[typ] }

// Decoders of dumps. The argument is the payload of a netlink message after struct
// nfgenmsg. Values that only the kernel sets (handles, use counts, counters) are omitted.
// Unknown attributes are kept.

func decodeTable(family Family, b []byte) (*Table, error) {
	t := &Table{Family: family}
	err := decode(b, "table", func(a attribute) {
		switch a.typ {
		case unix.NFTA_TABLE_NAME:
			t.Name = a.text()
		case unix.NFTA_TABLE_FLAGS:
			t.Flags = a.uint32()
		case nftaTableUserdata:
			t.Comment = userdataText(a.data, userdata.TypeComment)
		}
	})
	return t, err
}

func decodeSet(b []byte) (table string, s *Set, err error) {
	const nftaSetHandle, nftaSetType, nftaSetCount = 16, 19, 20
	s = &Set{}
	err = decode(b, "set", func(a attribute) {
		switch a.typ {
		case unix.NFTA_SET_TABLE:
			table = a.text()
		case unix.NFTA_SET_NAME:
			s.Name = a.text()
		case unix.NFTA_SET_FLAGS:
			s.Flags = a.uint32()
		case unix.NFTA_SET_KEY_TYPE:
			s.KeyType = a.uint32()
		case unix.NFTA_SET_KEY_LEN:
			s.KeyLen = a.uint32()
		case unix.NFTA_SET_DATA_TYPE:
			s.DataType = a.uint32()
		case unix.NFTA_SET_DATA_LEN:
			s.DataLen = a.uint32()
		case unix.NFTA_SET_DESC:
			decodeDesc(s, a)
		case unix.NFTA_SET_USERDATA:
			s.userdata = bytes.Clone(a.data)
			s.Comment = userdataText(a.data, userdata.NFTNL_UDATA_SET_COMMENT)
			s.KeyHost = orderIsHost(a.data, userdata.NFTNL_UDATA_SET_KEYBYTEORDER)
			s.DataHost = orderIsHost(a.data, userdata.NFTNL_UDATA_SET_DATABYTEORDER)
		case nftaSetHandle, nftaSetType, nftaSetCount, unix.NFTA_SET_ID:
		default:
			s.rest = append(s.rest, a.raw())
		}
	})
	if s.DataType == typeVerdict {
		s.DataLen = 0 // the kernel sets the size of its struct nft_verdict
	}
	return table, s, err
}

// decodeDesc decodes the size. It also keeps a description with other attributes, which
// concatenations have.
func decodeDesc(s *Set, desc attribute) {
	known := true
	for typ, data := range netlink.Attributes(desc.data) {
		if typ == unix.NFTA_SET_DESC_SIZE && len(data) == 4 {
			s.Size = binary.BigEndian.Uint32(data)
			continue
		}
		known = false
	}
	if !known {
		s.rest = append(s.rest, desc.raw())
	}
}

func decodeChain(b []byte) (table string, c *Chain, err error) {
	const nftaChainID = 11
	c = &Chain{}
	err = decode(b, "chain", func(a attribute) {
		switch a.typ {
		case unix.NFTA_CHAIN_TABLE:
			table = a.text()
		case unix.NFTA_CHAIN_NAME:
			c.Name = a.text()
		case unix.NFTA_CHAIN_TYPE:
			c.Type = a.text()
		case unix.NFTA_CHAIN_POLICY:
			c.Policy = a.uint32()
		case unix.NFTA_CHAIN_HOOK:
			decodeHook(c, a.data)
		case nftaChainFlags:
			c.Flags = a.uint32() &^ chainBase
		case nftaChainUserdata:
			c.Comment = userdataText(a.data, userdata.TypeComment)
		case unix.NFTA_CHAIN_HANDLE, unix.NFTA_CHAIN_USE, unix.NFTA_CHAIN_COUNTERS, nftaChainID:
		default:
			c.rest = append(c.rest, a.raw())
		}
	})
	return table, c, err
}

func decodeHook(c *Chain, hook []byte) {
	for typ, data := range netlink.Attributes(hook) {
		switch {
		case typ == unix.NFTA_HOOK_HOOKNUM && len(data) == 4:
			c.Hook = uint32Of(data)
		case typ == unix.NFTA_HOOK_PRIORITY && len(data) == 4:
			c.Priority = int32(uint32Of(data))
		case typ == unix.NFTA_HOOK_DEV:
			c.Devices = append(c.Devices, attribute{data: data}.text())
		case typ == nftaHookDevs:
			for _, name := range netlink.Attributes(data) {
				c.Devices = append(c.Devices, attribute{data: name}.text())
			}
		}
	}
	// The kernel lists a single device in both attributes.
	slices.Sort(c.Devices)
	c.Devices = slices.Compact(c.Devices)
}

// chainBase is NFT_CHAIN_BASE, which the kernel sets on chains with a hook.
const chainBase = 1

func decodeRule(b []byte) (table, chain string, r *Rule, err error) {
	r = &Rule{}
	err = decode(b, "rule", func(a attribute) {
		switch a.typ {
		case unix.NFTA_RULE_TABLE:
			table = a.text()
		case unix.NFTA_RULE_CHAIN:
			chain = a.text()
		case unix.NFTA_RULE_HANDLE:
			r.Handle = a.uint64()
		case unix.NFTA_RULE_EXPRESSIONS:
			r.Expressions = string(a.data)
		case unix.NFTA_RULE_USERDATA:
			r.userdata = bytes.Clone(a.data)
			r.Comment = userdataText(a.data, userdata.TypeComment)
		case unix.NFTA_RULE_POSITION, unix.NFTA_RULE_ID:
		default:
			r.rest = append(r.rest, a.raw())
		}
	})
	return table, chain, r, err
}

// decodeUnmanaged decodes a stateful object or a flowtable.
func decodeUnmanaged(kind string, b []byte) (table string, s Unmanaged, err error) {
	s.Kind = kind
	err = decode(b, "object", func(a attribute) {
		const nftaObjUse, nftaObjHandle, nftaFlowtableUse, nftaFlowtableHandle = 5, 6, 4, 5
		switch {
		case a.typ == unix.NFTA_OBJ_TABLE: // as NFTA_FLOWTABLE_TABLE
			table = a.text()
			return
		case a.typ == unix.NFTA_OBJ_NAME: // as NFTA_FLOWTABLE_NAME
			s.Name = a.text()
		case kind != flowtable && a.typ == unix.NFTA_OBJ_TYPE:
			s.typ = a.uint32()
		case kind != flowtable && (a.typ == nftaObjUse || a.typ == nftaObjHandle):
			return
		case kind == flowtable && (a.typ == nftaFlowtableUse || a.typ == nftaFlowtableHandle):
			return
		}
		s.raw = append(s.raw, a.raw())
	})
	if kind != flowtable {
		s.Kind = objectNames[s.typ]
		if s.Kind == "" {
			s.Kind = fmt.Sprintf("object of type %d", s.typ)
		}
	}
	return table, s, err
}

// An attribute of a dump.
type attribute struct {
	typ, flags uint16
	data       []byte
}

func (a attribute) text() string { return strings.TrimRight(string(a.data), "\x00") }

func (a attribute) uint32() uint32 {
	if len(a.data) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(a.data)
}

func (a attribute) uint64() uint64 {
	if len(a.data) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(a.data)
}

func (a attribute) raw() netlink.Attribute {
	return netlink.Attribute{Type: a.typ | a.flags, Data: bytes.Clone(a.data)}
}

func decode(b []byte, object string, f func(attribute)) error {
	for len(b) > 0 {
		typ, data, n := netlink.FirstAttribute(b)
		if n == 0 {
			return fmt.Errorf("decode %s: an attribute is truncated", object)
		}
		f(attribute{typ: typ &^ netlink.AttributeFlags, flags: typ & netlink.AttributeFlags, data: data})
		b = b[n:]
	}
	return nil
}

// decodeElements decodes a list of elements and appends them to s.
func decodeElements(s *Set, b []byte) error {
	var list []byte
	if err := decode(b, "set elements", func(a attribute) {
		if a.typ == unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			list = a.data
		}
	}); err != nil {
		return err
	}
	// One copy for all elements, which are slices of it.
	rest := string(list)
	return decode(list, "set elements", func(item attribute) {
		_, content, n := netlink.FirstAttribute(rest)
		e := decodeElement(content)
		s.Elements = append(s.Elements, e)
		if len(e.Key)+len(e.Rest) < len(content) {
			s.addExpiration(e, content)
		}
		rest = rest[n:]
	})
}

// decodeElement splits an element into key and rest. The kernel usually sends the key
// first, as Element has it, so the parts need no copy.
func decodeElement(content string) Element {
	split := 0 // where the key ends
	for b := content; len(b) > 0; {
		typ, _, n := netlink.FirstAttribute(b)
		switch {
		case n == 0 || typ == unix.NFTA_SET_ELEM_EXPIRATION || typ&netlink.AttributeFlags != 0,
			isKeyAttribute(typ) && split < len(content)-len(b):
			return splitElement(content)
		case isKeyAttribute(typ):
			split += n
		}
		b = b[n:]
	}
	return Element{Key: content[:split], Rest: content[split:]}
}

// addExpiration records the remaining lifetime of an element, which identifies nothing: it
// is needed to create the element again.
func (s *Set) addExpiration(e Element, content string) {
	for typ, data := range netlink.Attributes(content) {
		if typ != unix.NFTA_SET_ELEM_EXPIRATION {
			continue
		}
		if s.expirations == nil {
			s.expirations = map[string]string{}
		}
		s.expirations[e.Key] = string(netlink.AppendAttribute(nil, typ, data))
	}
}

// isKeyAttribute reports whether an attribute belongs to Element.Key.
func isKeyAttribute(typ uint16) bool {
	return typ == unix.NFTA_SET_ELEM_KEY || typ == nftaSetElemKeyEnd || typ == unix.NFTA_SET_ELEM_FLAGS
}

// splitElement copies the attributes of an element to key and rest.
func splitElement(content string) Element {
	var key, rest []byte
	for typ, data := range netlink.Attributes(content) {
		switch {
		case isKeyAttribute(typ):
			key = netlink.AppendAttribute(key, typ, data)
		case typ != unix.NFTA_SET_ELEM_EXPIRATION:
			rest = netlink.AppendAttribute(rest, typ, data)
		}
	}
	return Element{Key: string(key), Rest: string(rest)}
}
