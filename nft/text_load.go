package nft

import (
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/nftname"
)

func (p *rulePrinter) meta(e Expression, meta *expr.Meta) {
	key, known := nftname.Meta(uint32(meta.Key))
	if !known {
		key = nftname.Key{Name: MetaName(meta.Key)}
	}
	if !meta.SourceRegister {
		p.load(e, meta.Register, &content{text: key.Name, kind: key.Kind, size: key.Kind.Size()})
		return
	}
	text := "…" // unknown expressions
	if o := p.content(meta.Register); o != nil {
		text = o.set(key.Kind)
	}
	p.write("%s set %s", key.Name, text)
}

// MetaName returns nft's name of a key; "[meta 77]" if it is unknown.
func MetaName(key expr.MetaKey) string {
	if k, ok := nftname.Meta(uint32(key)); ok {
		return k.Name
	}
	return fmt.Sprintf("[meta %d]", key)
}

// payload prints a load or a change of a part of the packet.
func (p *rulePrinter) payload(e Expression) {
	base := expr.PayloadBase(e.number(unix.NFTA_PAYLOAD_BASE))
	offset, bits := int(e.number(unix.NFTA_PAYLOAD_OFFSET))*8, int(e.number(unix.NFTA_PAYLOAD_LEN))*8
	at := &place{offset, bits, func(offset, bits int) (string, []nftname.Field) { return p.fields(base, offset, bits) }}
	if register := e.number(unix.NFTA_PAYLOAD_SREG); register != 0 {
		p.setField(e, register, at, baseName(base))
		return
	}
	o := p.fieldContent(at, fmt.Sprintf("@%s,%d,%d", baseName(base), offset, bits))
	p.load(e, e.number(unix.NFTA_PAYLOAD_DREG), o)
}

// fieldContent returns the content for bits of a packet; raw is the text if they are no field.
func (p *rulePrinter) fieldContent(at *place, raw string) *content {
	o := &content{text: raw, size: at.bits / 8, place: at}
	header, fields := at.fields(at.offset, at.bits)
	if len(fields) > 0 && (header != "vlan" || fields[0].Name != "type") { // nft keeps the type of the link before that of the VLAN
		p.needs(header)
	}
	switch {
	case len(fields) == 1:
		o.text, o.kind = header+" "+fields[0].Name, fields[0].Kind
		p.needsMessage(fields[0])
	case len(fields) > 1:
		for _, f := range fields {
			o.parts = append(o.parts, part{header + " " + f.Name, f.Kind, f.Offset - fields[0].Offset, f.Bits})
		}
	default:
		for _, width := range []int{32, 128} { // an address that nft loads in part
			if header, fields := at.fields(at.offset, width); at.bits < width && len(fields) == 1 && fields[0].Kind == nftname.Address {
				p.needs(header)
				o.text, o.kind = header+" "+fields[0].Name, nftname.Address
				o.place = &place{at.offset, width, at.fields}
			}
		}
	}
	return o
}

// needsMessage removes a match of the type of ICMP messages, if only they have the field.
func (p *rulePrinter) needsMessage(f nftname.Field) {
	if len(f.ICMP) == 1 {
		p.needs("message")
	}
}

// fields returns the fields of a header by the base of a payload expression.
func (p *rulePrinter) fields(base expr.PayloadBase, offset, bits int) (header string, fields []nftname.Field) {
	const vlanOffset = 14 * 8
	switch base {
	case expr.PayloadBaseLLHeader:
		if offset >= vlanOffset && p.vlan {
			return "vlan", nftname.Fields("vlan", offset-vlanOffset, bits, -1)
		}
		header = "ether"
	case expr.PayloadBaseNetworkHeader:
		header = p.network
	case expr.PayloadBaseTransportHeader:
		header = p.transport
		if header == "" {
			header = "th"
		}
	}
	return header, nftname.Fields(header, offset, bits, p.icmpType)
}

// baseName returns nft's name of a header; nft(8), "RAW PAYLOAD EXPRESSION".
func baseName(base expr.PayloadBase) string {
	names := []string{"ll", "nh", "th", "ih"}
	if int(base) < len(names) {
		return names[base]
	}
	return fmt.Sprint(base)
}

// setField prints a change of a field. The register holds the new value of whole bytes.
func (p *rulePrinter) setField(e Expression, register uint32, at *place, base string) {
	o := p.content(register)
	if o == nil {
		p.unknown(e)
		return
	}
	offset, bits, value := at.offset, at.bits, *o
	if o.mask != nil && o.place != nil && o.place.offset == at.offset && o.place.bits == at.bits {
		// nft reads the bytes, changes the bits of the field, and writes the bytes.
		before, masked, after := maskedBits(complement(o.mask))
		offset, bits = offset+before, masked
		value = content{constant: (&content{shift: after}).adjusted(o.xor)}
	}
	header, fields := at.fields(offset, bits)
	if len(fields) != 1 {
		p.write("@%s,%d,%d set %s", base, at.offset, at.bits, o.set(nftname.Raw))
		return
	}
	p.needs(header)
	p.write("%s %s set %s", header, fields[0].Name, value.set(fields[0].Kind))
}

// complement inverts all bits.
func complement(mask []byte) []byte {
	other := make([]byte, len(mask))
	for i, b := range mask {
		other[i] = ^b
	}
	return other
}

// ct prints a load or a change of connection tracking data. The library does not decode
// directions.
func (p *rulePrinter) ct(e Expression) {
	key, known := nftname.CT(e.number(unix.NFTA_CT_KEY))
	if !known {
		p.unknown(e)
		return
	}
	text := "ct " + key.Name
	if direction, ok := e.attribute(unix.NFTA_CT_DIRECTION); ok && len(direction) == 1 {
		name := "ct " + nftname.Direction.Text([]byte(direction)) + " "
		if strings.HasSuffix(key.Name, "addr") && !strings.HasPrefix(key.Name, "ip") && p.network != "" {
			name += p.network + " "
		}
		text = name + key.Name
		if key.Name == "protocol" || key.Name == "l3proto" {
			text = "ct " + key.Name // nft does not print the direction
		}
	}
	if _, sets := e.attribute(unix.NFTA_CT_SREG); !sets {
		o := &content{text: text, kind: key.Kind, size: key.Kind.Size()}
		if key.Kind == nftname.Address && (strings.HasPrefix(key.Name, "ip6") || p.network == "ip6") {
			o.size = 16
		}
		p.load(e, e.number(unix.NFTA_CT_DREG), o)
		return
	}
	o := p.content(e.number(unix.NFTA_CT_SREG))
	if o == nil {
		p.unknown(e)
		return
	}
	p.write("%s set %s", text, o.set(key.Kind))
}

// bitwise applies a mask to a content.
func (p *rulePrinter) bitwise(e Expression, b *expr.Bitwise) {
	source := p.content(b.SourceRegister)
	if source == nil || b.Mask == nil || len(b.Mask) != len(b.Xor) {
		p.unknown(e)
		return
	}
	o := *source
	o.used = false
	if o.mask != nil {
		o.text, o.mask, o.binary, o.place = o.full(), nil, true, nil
	}
	if !isZero(b.Xor) || !p.narrow(&o, b.Mask) {
		o.mask, o.xor = b.Mask, b.Xor
	}
	p.load(e, b.DestRegister, &o)
}

// narrow makes a content the field that a mask selects; false if there is none.
func (p *rulePrinter) narrow(o *content, mask []byte) bool {
	if o.place == nil {
		return false
	}
	before, bits, after := maskedBits(mask)
	header, fields := o.place.fields(o.place.offset+before, bits)
	if len(fields) != 1 || bits == 0 || before+after == 0 {
		return false
	}
	p.needs(header)
	o.text, o.kind, o.shift, o.parts = header+" "+fields[0].Name, fields[0].Kind, after, nil
	return true
}

// byteorder prints nothing: nft converts a value before it compares it with a range.
func (p *rulePrinter) byteorder(e Expression, order *expr.Byteorder) {
	o := p.content(order.SourceRegister)
	if o == nil || order.SourceRegister != order.DestRegister || order.Len > order.Size && order.Size != 2 {
		p.unknown(e)
		return
	}
	o.used = false
	o.swapped = order.Op == expr.ByteorderHton && order.Len > 1 && o.kind.IsHostOrder()
}
