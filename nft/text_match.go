package nft

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/nftname"
)

// echoRequest6 is the type of messages of ICMPv6, RFC 4443.
const echoRequest6 = 128

// compare prints a comparison, or the first half of a range.
func (p *rulePrinter) compare(e Expression, c *expr.Cmp) {
	o := p.content(c.Register)
	equality := c.Op == expr.CmpOpEq || c.Op == expr.CmpOpNeq
	switch {
	case o == nil:
		p.unknown(e)
	case o.mask != nil && equality:
		p.compareMasked(o, c)
	case len(o.parts) > 0 && equality:
		p.compareParts(o, c)
	case c.Op == expr.CmpOpGte && p.low == nil:
		p.low = &lowEnd{o, o.value(c.Data), o.numeric(c.Data)}
	case c.Op == expr.CmpOpLte && p.low != nil && p.low.content.text == o.text:
		from := p.low.numeric
		p.low = nil
		p.write("%s %s-%s", o.full(), from, o.numeric(c.Data))
	default:
		p.compareText(o.full(), o.binary || o.mask != nil || o.kind.IsFlags(), c.Op, o.value(c.Data))
		if c.Op == expr.CmpOpEq {
			p.learn(o, o.value(c.Data), c.Data)
		}
	}
}

// compareText prints a comparison of one value. nft omits the operator for equality, except
// after a mask and before flags.
func (p *rulePrinter) compareText(left string, explicit bool, op expr.CmpOp, right string) {
	if op == expr.CmpOpEq && !explicit {
		p.write("%s %s", left, right)
		return
	}
	p.write("%s %s %s", left, [...]string{"==", "!=", "<", "<=", ">", ">="}[op%6], right)
}

// compareParts prints comparisons of all fields that are loaded together.
func (p *rulePrinter) compareParts(o *content, c *expr.Cmp) {
	for _, part := range o.parts {
		if part.offset%8 != 0 || part.bits%8 != 0 || (part.offset+part.bits)/8 > len(c.Data) {
			p.compareText(o.text, false, c.Op, o.value(c.Data))
			return
		}
	}
	for _, part := range o.parts {
		value := c.Data[part.offset/8 : (part.offset+part.bits)/8]
		field := &content{text: part.text, kind: part.kind}
		p.compareText(part.text, part.kind.IsFlags(), c.Op, part.kind.Text(value))
		if c.Op == expr.CmpOpEq {
			p.learn(field, part.kind.Text(value), value)
		}
	}
}

// compareMasked prints a comparison of some bits: as prefix or as flags, where nft does.
func (p *rulePrinter) compareMasked(o *content, c *expr.Cmp) {
	not := ""
	if c.Op == expr.CmpOpNeq {
		not = "!= "
	}
	flags, zero := o.kind.IsFlags(), isZero(c.Data)
	switch {
	case !isZero(o.xor):
		p.compareText(o.full(), true, c.Op, o.value(c.Data))
	case (flags || o.kind == nftname.Label) && zero && not != "":
		p.write("%s %s", o.text, o.value(o.mask))
	case (flags || o.kind == nftname.Label) && zero:
		p.write("%s ! %s", o.text, o.value(o.mask))
	case flags:
		p.write("%s %s%s / %s", o.text, not, o.value(c.Data), o.value(o.mask))
	case o.kind.HasPrefixes() && o.prefixLen(o.mask) >= 0:
		p.write("%s %s%s/%d", o.text, not, o.value(c.Data), o.prefixLen(o.mask))
	default:
		p.compareText(o.full(), true, c.Op, o.value(c.Data))
	}
}

// inRange prints the range expression of nft 1.1 and later; see compare for earlier
// versions.
func (p *rulePrinter) inRange(e Expression, r *expr.Range) {
	o := p.content(r.Register)
	if o == nil {
		p.unknown(e)
		return
	}
	not := ""
	if r.Op == expr.CmpOpNeq {
		not = "!= "
	}
	p.write("%s %s%s-%s", o.full(), not, o.numeric(r.FromData), o.numeric(r.ToData))
}

// learn records the header that a match implies. text is its value in nft syntax.
func (p *rulePrinter) learn(o *content, text string, value []byte) {
	switch o.text {
	case "meta l4proto", "ip protocol", "ip6 nexthdr":
		p.transport, p.icmpType = nftname.HeaderOf(text), -1
		_, single := map[Family]bool{IPv4: true, IPv6: true}[p.family]
		if single || o.text == "meta l4proto" { // others say in other families that the packet is IP
			p.imply(p.transport)
		}
	case "meta nfproto", "meta protocol", "ether type", "vlan type":
		p.learnNetwork(o, strings.NewReplacer("ipv4", "ip", "ipv6", "ip6").Replace(text))
	case "meta iiftype":
		if text == "ether" {
			p.imply("ether")
		}
	case "icmp type", "icmpv6 type":
		if len(value) == 1 {
			p.icmpType = int(value[0])
			p.imply("message")
		}
	}
}

// learnNetwork records the header after that of the link.
func (p *rulePrinter) learnNetwork(o *content, header string) {
	switch {
	case header == "8021q":
		p.vlan = true
		p.imply("vlan")
	case header == "8021ad":
		p.vlan = true
	case p.family == Inet && o.text == "meta protocol":
		p.network = header // nft keeps the match
	default:
		p.network = header
		p.imply(header)
	}
}

// lookup prints a search in a set or a map.
func (p *rulePrinter) lookup(e Expression, lookup *expr.Lookup) {
	set, length := p.anonymous.set(lookup.SetName), 0
	if set != nil {
		length = int(set.KeyLen)
	}
	keys := p.concatenation(lookup.SourceRegister, length)
	if keys == nil {
		p.unknown(e)
		return
	}
	key, elements := joined(keys), p.setText(lookup.SetName, keys)
	if set != nil && key == "icmpv6 type" && set.Finder() != nil {
		if _, echo := set.Finder()([]byte{echoRequest6}); echo {
			p.icmpType = echoRequest6 // nft matches two types before the fields of both
		}
	}
	switch {
	case !lookup.IsDestRegSet && lookup.Invert:
		p.write("%s != %s", key, elements)
	case !lookup.IsDestRegSet && len(keys) == 1 && (keys[0].mask != nil || keys[0].binary):
		p.write("%s == %s", key, elements)
	case !lookup.IsDestRegSet:
		p.write("%s %s", key, elements)
	case lookup.DestRegister == unix.NFT_REG_VERDICT:
		p.write("%s vmap %s", key, elements)
	default:
		o := &content{text: fmt.Sprintf("%s map %s", key, elements), size: 4, data: set}
		if set != nil {
			o.size = int(set.DataLen)
			o.kind, _ = nftname.OfType(set.DataType)
		}
		p.load(e, lookup.DestRegister, o)
	}
}

// objref prints the use of a stateful object; nft(8), "STATEFUL OBJECTS".
func (p *rulePrinter) objref(e Expression, o *expr.Objref) {
	name := o.Name
	switch kind := ObjectKind(uint32(o.Type)); kind {
	case "counter", "quota", "limit", "synproxy":
		p.write("%s name %q", kind, name)
	case "ct helper", "ct timeout", "ct expectation":
		p.write("%s set %q", kind, name)
	default:
		p.unknown(e)
	}
}

// objectMap prints the use of the stateful object that a map has for a key.
func (p *rulePrinter) objectMap(e Expression) {
	const register = 3 // NFTA_OBJREF_SET_SREG
	set := p.anonymous.set(e.ObjectMap())
	keys := p.concatenation(e.number(register), 0)
	if set == nil || keys == nil {
		p.unknown(e)
		return
	}
	switch kind := set.ObjectKind(); kind {
	case "":
		p.unknown(e)
	case "ct helper", "ct timeout", "ct expectation":
		p.write("%s set %s map %s", kind, joined(keys), p.setText(set.Name, keys))
	default:
		p.write("%s name %s map %s", kind, joined(keys), p.setText(set.Name, keys))
	}
}

// dynset prints a change of a set by a rule; nft(8), "SET STATEMENT", and a meter.
func (p *rulePrinter) dynset(e Expression) {
	name, _ := e.attribute(unix.NFTA_DYNSET_SET_NAME)
	name = strings.TrimRight(name, "\x00")
	op := e.number(unix.NFTA_DYNSET_OP)
	keys, value := p.dynsetContents(e, p.anonymous.set(name))
	if keys == nil || op > 2 {
		p.unknown(e)
		return
	}
	words := []string{joined(keys)}
	if timeout, _ := e.attribute(unix.NFTA_DYNSET_TIMEOUT); len(timeout) == 8 && !isZero([]byte(timeout)) {
		words = append(words, "timeout "+nftname.DurationText(binary.BigEndian.Uint64([]byte(timeout))))
	}
	for _, of := range e.statements() {
		inner := newRulePrinter(p.family, p.anonymous, p.devices)
		inner.expression(of)
		words = append(words, inner.text())
	}
	if value != nil {
		words = append(words, ":", value.full())
	}
	where := [...]string{"add", "update", "delete"}[op] + " @" + name
	if meter := p.anonymous.set(name); meter != nil {
		where = fmt.Sprintf("meter %s size %d", name, meter.Size)
	}
	p.write("%s { %s }", where, strings.Join(words, " "))
}

// dynsetContents returns the contents of the key and of the value; nil if there is none.
func (p *rulePrinter) dynsetContents(e Expression, meter *Set) (keys []*content, value *content) {
	if register := e.number(unix.NFTA_DYNSET_SREG_DATA); register != 0 {
		value = p.content(register) // no part of the key
		if value == nil {
			return nil, nil
		}
	}
	length := 0
	if meter != nil {
		length = int(meter.KeyLen)
	}
	return p.concatenation(e.number(unix.NFTA_DYNSET_SREG_KEY), length), value
}

// nftaDynsetExpressions is NFTA_DYNSET_EXPRESSIONS, missing in golang.org/x/sys/unix.
const nftaDynsetExpressions = 10

// statements returns the statements that a rule applies to an element.
func (e Expression) statements() (list []Expression) {
	for typ, data := range netlink.Attributes(e.Data) {
		switch typ {
		case unix.NFTA_DYNSET_EXPR:
			list = append(list, readExpression(data))
		case nftaDynsetExpressions:
			for _, item := range netlink.Attributes(data) {
				list = append(list, readExpression(item))
			}
		}
	}
	return list
}
