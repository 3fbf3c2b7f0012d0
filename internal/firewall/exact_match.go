package firewall

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// matches translates a test of a value. possible is false if it never holds.
func (b *ruleTranslator) matches(v value, t test) (list []oldconfig.Match, possible bool) {
	v = b.resolved(v)
	o := v.what
	switch {
	case v.kind == constant && (o == nil || o.part == ofMeta):
		return nil, t.holds(v.bytes)
	case o == nil || o.changed:
		return []oldconfig.Match{b.notUnderstood(nameOf(v))}, true
	case len(t.within) == 0:
		return nil, t.inverse
	}
	if m, ok := o.match(v, t); ok {
		return m, true
	}
	return []oldconfig.Match{b.notUnderstood(nameOf(v))}, true
}

// match translates a test of a value with an origin. ok is false if the model has no such
// match.
func (o *origin) match(v value, t test) (_ []oldconfig.Match, ok bool) {
	switch o.part {
	case ofSocket:
		return []oldconfig.Match{{Field: oldconfig.HasSocket, In: numbers(1)}}, true
	case ofFib, ofSourceFib:
		field := oldconfig.DestinationType
		if o.part == ofSourceFib {
			field = oldconfig.SourceType
		}
		return []oldconfig.Match{bitMatch(field, typeBits, o, t)}, o.mask == nil
	case ofConntrack:
		if o.key == uint32(expr.CtKeySTATE) {
			return []oldconfig.Match{bitMatch(oldconfig.State, stateBits, o, t)}, true
		}
		return o.markMatch(oldconfig.ConnMark, t)
	case ofConnection:
		return o.connectionMatch(t)
	case ofMeta:
		return o.metaMatch(t)
	}
	return o.payloadMatch(v, t)
}

// connectionMatch translates a test of a property of a connection.
func (o *origin) connectionMatch(t test) ([]oldconfig.Match, bool) {
	field := oldconfig.Field(o.key)
	switch field {
	case oldconfig.OriginalDestinationPort, oldconfig.VirtualPort:
		return byteRanges(field, o, t, 2)
	case oldconfig.SentByIPVS:
		return byteRanges(field, o, t, 1)
	}
	return byteRanges(field, o, t, o.addressSize)
}

func numbers(list ...uint64) (ranges []oldconfig.Range) {
	for _, n := range list {
		ranges = append(ranges, oldconfig.Range{Low: oldconfig.Number{Low: n}, High: oldconfig.Number{Low: n}})
	}
	return ranges
}

// A bit is a value of an enumeration of the kernel, and its bit in the model.
type bit struct {
	kernel uint32
	model  uint64
}

// States and types of addresses; those that the model does not name are other ones.
var (
	stateBits = []bit{
		{stateNew, oldconfig.StateNew},
		{stateEstablished, oldconfig.StateEstablished},
		{expr.CtStateBitRELATED, oldconfig.StateRelated},
		{stateInvalid, oldconfig.StateInvalid},
		{stateUntracked, oldconfig.StateUntracked},
	}
	typeBits = []bit{
		{typeLocal, oldconfig.AddrTypeLocal}, {3, oldconfig.AddrTypeBroadcast}, {5, oldconfig.AddrTypeMulticast}, {typeUnicast, oldconfig.AddrTypeOther},
	}
)

// bitMatch evaluates the test for each value of an enumeration.
func bitMatch(field oldconfig.Field, of []bit, o *origin, t test) oldconfig.Match {
	var bits uint64
	for _, b := range of {
		if t.holds(bitwise(o.mask, o.xor)(hostUint32(b.kernel))) {
			bits |= b.model
		}
	}
	return oldconfig.Match{Field: field, In: numbers(bits)}
}

// markMatch translates a test of 32 bits in host byte order.
func (o *origin) markMatch(field oldconfig.Field, t test) ([]oldconfig.Match, bool) {
	m := oldconfig.Match{Field: field, Not: t.inverse}
	mask, _ := o.masks()
	if len(o.xor) > 0 && !isFilled(o.xor, 0) {
		return nil, false
	}
	for _, i := range t.within {
		switch {
		case len(i.low) != 4:
			return nil, false
		case o.reversed:
			m.In = append(m.In, oldconfig.Range{Low: bigEndian(i.low), High: bigEndian(i.high)})
		case bytes.Equal(i.low, i.high):
			m.In = append(m.In, numbers(uint64(hostOrdered(i.low)))...)
		default:
			return nil, false
		}
	}
	return []oldconfig.Match{m.Masked(mask)}, true
}

func (o *origin) metaMatch(t test) ([]oldconfig.Match, bool) {
	const ethernet = 1 // ARPHRD_ETHER
	switch expr.MetaKey(o.key) {
	case expr.MetaKeyMARK:
		return o.markMatch(oldconfig.Mark, t)
	case expr.MetaKeyL4PROTO:
		return byteRanges(oldconfig.Protocol, o, t, 1)
	case expr.MetaKeyIIFNAME:
		return deviceMatch(oldconfig.InDevice, o, t)
	case expr.MetaKeyOIFNAME:
		return deviceMatch(oldconfig.OutDevice, o, t)
	case expr.MetaKeyIIF, expr.MetaKeyOIF:
		field := oldconfig.InDevice
		if expr.MetaKey(o.key) == expr.MetaKeyOIF {
			field = oldconfig.OutDevice
		}
		isLoopback := len(t.within) == 1 && bytes.Equal(t.within[0].low, hostUint32(loopbackIndex)) && bytes.Equal(t.within[0].high, t.within[0].low)
		return []oldconfig.Match{{Field: field, Names: []string{"lo"}, Not: t.inverse}}, isLoopback
	case expr.MetaKeyIIFTYPE:
		isEthernet := len(t.within) == 1 && bytes.Equal(t.within[0].low, binary.NativeEndian.AppendUint16(nil, ethernet))
		if t.inverse { // packets of package exact come in by Ethernet devices
			return []oldconfig.Match{{Field: oldconfig.InDevice}}, isEthernet
		}
		return nil, isEthernet // nft adds it to a test of the sender's address
	case expr.MetaKeyNFPROTO, expr.MetaKeyPROTOCOL:
		return nil, false
	}
	return nil, false
}

// deviceMatch translates names of 16 bytes; a shorter one is a prefix.
func deviceMatch(field oldconfig.Field, o *origin, t test) ([]oldconfig.Match, bool) {
	m := oldconfig.Match{Field: field, Not: t.inverse}
	for _, i := range t.within {
		if !bytes.Equal(i.low, i.high) || o.mask != nil {
			return nil, false
		}
		name, _, ended := strings.Cut(string(i.low), "\x00")
		if !ended {
			name += "+"
		}
		m.Names = append(m.Names, name)
	}
	return []oldconfig.Match{m}, true
}

// byteRanges translates a test of a field in network byte order.
func byteRanges(field oldconfig.Field, o *origin, t test, size int) ([]oldconfig.Match, bool) {
	m := oldconfig.Match{Field: field, Not: t.inverse}
	for _, i := range t.within {
		low, high, ok := o.lifted(i, size)
		if !ok {
			return nil, false
		}
		if bytes.Compare(low, high) <= 0 {
			m.In = append(m.In, oldconfig.Range{Low: bigEndian(low), High: bigEndian(high)})
		}
	}
	return []oldconfig.Match{m}, true
}

// lifted returns the interval of complete values of a field, of which the rule compares the
// first bytes after a mask. ok is false if they are no interval.
func (o *origin) lifted(i interval, size int) (low, high []byte, ok bool) {
	n := len(i.low)
	if n > size || o.xor != nil && !isFilled(o.xor, 0) {
		return nil, nil, false
	}
	low, high = slices.Clone(i.low), slices.Clone(i.high)
	if o.mask != nil && !isFilled(o.mask, 0xff) {
		mask := o.mask[:min(n, len(o.mask))]
		if len(mask) < n || !isPrefix(mask) {
			return nil, nil, false
		}
		up, possible := roundedUp(low, mask)
		if !possible {
			return filled(size, 1), filled(size, 0), true
		}
		low = up
		for at := range high {
			high[at] = high[at]&mask[at] | ^mask[at]
		}
	}
	return append(low, filled(size-n, 0)...), append(high, filled(size-n, 0xff)...), true
}

// A payloadField is a field of the model in a header.
type payloadField struct {
	field  oldconfig.Field
	base   expr.PayloadBase
	offset int
	size   int
}

func payloadFields(size int) []payloadField {
	at := header{12, 16, 9}
	if size == 16 {
		at = header{8, 24, 6}
	}
	return []payloadField{
		{oldconfig.Source, expr.PayloadBaseNetworkHeader, int(at.source), size},
		{oldconfig.Destination, expr.PayloadBaseNetworkHeader, int(at.destination), size},
		{oldconfig.Protocol, expr.PayloadBaseNetworkHeader, int(at.protocol), 1},
		{oldconfig.SourcePort, expr.PayloadBaseTransportHeader, 0, 2},
		{oldconfig.DestinationPort, expr.PayloadBaseTransportHeader, 2, 2},
		{oldconfig.TCPFlags, expr.PayloadBaseTransportHeader, tcpFlagsAt, 1},
		{oldconfig.SourceMAC, expr.PayloadBaseLLHeader, 6, 6},
	}
}

// payloadMatch translates a test of bytes of a header: of one field, or of several that
// follow each other, which nft loads together.
func (o *origin) payloadMatch(v value, t test) ([]oldconfig.Match, bool) {
	if m, ok := o.fragmentMatch(t); ok {
		return m, true
	}
	for _, f := range payloadFields(o.addressSize) {
		switch {
		case f.base != o.base || f.offset != o.offset:
		case f.field == oldconfig.TCPFlags:
			return o.flagMatch(t)
		case len(t.within[0].low) <= f.size && v.size <= f.size:
			return o.fieldMatch(f, t)
		case !t.inverse && len(t.within) == 1 && bytes.Equal(t.within[0].low, t.within[0].high):
			return o.several(v, t.within[0].low, f)
		}
	}
	return nil, false
}

func (o *origin) fieldMatch(f payloadField, t test) ([]oldconfig.Match, bool) {
	list, ok := byteRanges(f.field, o, t, f.size)
	if f.field == oldconfig.Protocol && o.addressSize == 16 {
		return o.nextHeader(list, t), ok
	}
	return list, ok
}

// several translates an equality of several fields.
func (o *origin) several(v value, data []byte, first payloadField) ([]oldconfig.Match, bool) {
	part, rest := *o, *o
	rest.offset += first.size
	if o.mask != nil {
		part.mask, rest.mask = o.mask[:first.size], o.mask[first.size:]
	}
	if o.xor != nil {
		part.xor, rest.xor = o.xor[:first.size], o.xor[first.size:]
	}
	equal := func(b []byte) test { return test{within: []interval{{b, b}}} }
	list, ok := part.fieldMatch(first, equal(data[:first.size]))
	if !ok {
		return nil, false
	}
	v.size -= first.size
	more, ok := rest.payloadMatch(v, equal(data[first.size:]))
	return append(list, more...), ok
}

// fragmentMatch translates the test of -f of iptables: whether the offset in the fragment field
// of IPv4 is 0.
func (o *origin) fragmentMatch(t test) ([]oldconfig.Match, bool) {
	isZero := len(t.within) == 1 && bytes.Equal(t.within[0].low, []byte{0, 0}) && bytes.Equal(t.within[0].high, []byte{0, 0})
	if o.base != expr.PayloadBaseNetworkHeader || o.offset != 6 || o.addressSize != 4 || !isZero ||
		!bytes.Equal(o.mask, []byte{0x1f, 0xff}) || o.xor != nil && !isFilled(o.xor, 0) {
		return nil, false
	}
	one := oldconfig.Range{Low: oldconfig.Number{Low: 1}, High: oldconfig.Number{Low: 1}}
	return []oldconfig.Match{{Field: oldconfig.LaterFragment, In: []oldconfig.Range{one}, Not: !t.inverse}}, true
}

func (o *origin) flagMatch(t test) ([]oldconfig.Match, bool) {
	m := oldconfig.Match{Field: oldconfig.TCPFlags, Not: t.inverse}
	mask := uint32(0xff)
	if len(o.mask) == 1 {
		mask = uint32(o.mask[0])
	}
	for _, i := range t.within {
		if len(i.low) != 1 || o.xor != nil && !isFilled(o.xor, 0) {
			return nil, false
		}
		m.In = append(m.In, oldconfig.Range{Low: bigEndian(i.low), High: bigEndian(i.high)})
	}
	return []oldconfig.Match{m.Masked(mask)}, true
}
