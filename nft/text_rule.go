package nft

import (
	"encoding/binary"
	"fmt"
	"maps"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/google/nftables/expr"
	"github.com/lvsmark/lvsmark/config"
)

// Text is the rule as nft lists it. Of rules that lvsmark does not make, an
// expression that it does not know stands in brackets by its kernel name.
func (r *Rule) Text(family Family) string {
	p := rulePrinter{family: family}
	for _, data := range attributes([]byte(r.Expressions)) {
		p.expression(readExpression(data))
	}
	p.flush()
	if r.Comment != "" {
		p.words = append(p.words, fmt.Sprintf("comment \"%s\"", r.Comment))
	}
	return strings.Join(p.words, " ")
}

// A rawExpression is an expression of a rule as the kernel gives it.
type rawExpression struct {
	name  string
	attrs map[uint16][]byte
}

func readExpression(b []byte) rawExpression {
	e := rawExpression{attrs: map[uint16][]byte{}}
	for typ, data := range attributes(b) {
		switch typ {
		case unix.NFTA_EXPR_NAME:
			e.name = strings.TrimRight(string(data), "\x00")
		case unix.NFTA_EXPR_DATA:
			maps.Insert(e.attrs, attributes(data))
		}
	}
	return e
}

func (e rawExpression) uint32(typ uint16) uint32 {
	if data := e.attrs[typ]; len(data) == 4 {
		return binary.BigEndian.Uint32(data)
	}
	return 0
}

func (e rawExpression) text(typ uint16) string {
	return strings.TrimRight(string(e.attrs[typ]), "\x00")
}

// A rulePrinter follows what is in register 1 and behind it, as nft does when it
// lists.
type rulePrinter struct {
	family   Family
	words    []string
	protocol string // that the rule is known to be of
	register string // what the register holds, as nft writes it
	printed  bool   // the rule's text has it already
	width    int    // bytes
	prefix   int    // length of the prefix of addresses that the register was cut to; 0: whole
	from     string // the lower end of a range that is being compared
	ranged   string // what is compared with it
	waiting  string // the test of the protocol, which the port will tell
}

func (p *rulePrinter) say(format string, args ...any) {
	p.flush()
	p.words = append(p.words, fmt.Sprintf(format, args...))
}

// flush tells a protocol that no port came to tell, and the lower end of a range
// that has no upper one.
func (p *rulePrinter) flush() {
	if p.waiting != "" {
		p.words = append(p.words, p.waiting)
		p.waiting = ""
	}
	if p.from != "" {
		p.words = append(p.words, p.ranged+" >= "+p.from)
		p.from = ""
	}
}

func (p *rulePrinter) expression(e rawExpression) {
	switch e.name {
	case "meta":
		p.meta(e)
	case "payload":
		p.payload(e)
	case "cmp":
		p.compare(e)
	case "range":
		p.inRange(e)
	case "lookup":
		p.lookup(e)
	case "immediate":
		p.immediate(e)
	case "nat":
		p.nat(e)
	case "masq":
		p.to("masquerade")
	case "redir":
		p.to("redirect")
	case "counter":
		p.say("counter")
	case "bitwise":
		p.bitwise(e)
	case "match", "target":
		p.say("[%s %s]", e.name, e.text(unix.NFTA_MATCH_NAME)) // of iptables
		p.register = ""
	default:
		p.unknown(e)
	}
}

// unknown also stands for what comes after an expression that may have changed
// the register.
func (p *rulePrinter) unknown(e rawExpression) {
	if p.register != "" && !p.printed {
		p.say("%s", p.register)
	}
	p.say("[%s]", e.name)
	p.register = ""
}

// load puts text into a register. Behind register 1 it makes a concatenation.
func (p *rulePrinter) load(e rawExpression, register uint32, text string) {
	switch slot, _ := slotOf(register); {
	case slot == 0:
		p.register, p.printed, p.prefix = text, false, 0
	case p.register == "" || p.printed:
		p.unknown(e)
	default:
		p.register += " . " + text
	}
}

func (p *rulePrinter) meta(e rawExpression) {
	key := e.uint32(unix.NFTA_META_KEY)
	if e.attrs[unix.NFTA_META_SREG] == nil {
		p.load(e, e.uint32(unix.NFTA_META_DREG), metaName(key))
		return
	}
	text := p.register
	p.printed = true
	if text == "" {
		text = "…" // the expressions in front of it
	}
	p.say("%s set %s", metaName(key), text)
}

func (p *rulePrinter) payload(e rawExpression) {
	if e.attrs[unix.NFTA_PAYLOAD_SREG] != nil {
		p.unknown(e)
		return
	}
	base, offset, width := expr.PayloadBase(e.uint32(unix.NFTA_PAYLOAD_BASE)), e.uint32(unix.NFTA_PAYLOAD_OFFSET), e.uint32(unix.NFTA_PAYLOAD_LEN)
	p.width = int(width)
	text := fmt.Sprintf("@%d,%d,%d", base, offset*8, width*8)
	switch {
	case base == expr.PayloadBaseTransportHeader && width == 2 && offset <= 2 && p.protocol != "":
		text = p.protocol + [...]string{0: " sport", 2: " dport", 1: ""}[offset]
		p.waiting = ""
	case base == expr.PayloadBaseTransportHeader && width == 2 && (offset == 0 || offset == 2):
		text = [...]string{0: "th sport", 2: "th dport", 1: ""}[offset]
	case base == expr.PayloadBaseNetworkHeader && p.family == IPv4 && offset == 9 && width == 1:
		text = ipProtocol
	case base == expr.PayloadBaseNetworkHeader && width == addrLen(p.family):
		if direction := addrField(p.family, offset); direction != "" {
			text = p.family.String() + " " + direction
		}
	}
	prefix := 0
	if direction := addrField(p.family, offset); base == expr.PayloadBaseNetworkHeader && width < addrLen(p.family) && direction != "" {
		text, prefix = p.family.String()+" "+direction, int(width)*8
	}
	p.load(e, e.uint32(unix.NFTA_PAYLOAD_DREG), text)
	if p.register == text {
		p.prefix = prefix
	}
}

func addrField(f Family, offset uint32) string {
	switch {
	case f == IPv4 && offset == 12, f == IPv6 && offset == 8:
		return "saddr"
	case f == IPv4 && offset == 16, f == IPv6 && offset == 24:
		return "daddr"
	}
	return ""
}

func (p *rulePrinter) compare(e rawExpression) {
	value := dataValue(e.attrs[unix.NFTA_CMP_DATA])
	text := p.value(value)
	if p.prefix > 0 {
		text += fmt.Sprintf("/%d", p.prefix)
	}
	defer func() { p.printed = true }()
	switch op := expr.CmpOp(e.uint32(unix.NFTA_CMP_OP)); {
	case p.register == "":
		p.unknown(e)
	case p.holdsProtocol() && op == expr.CmpOpEq && len(value) == 1:
		p.protocol = protocolName(value[0])
		p.waiting = p.register + " " + text
	case op == expr.CmpOpEq && p.prefix == 0 && strings.ContainsAny(p.register, "&^|"):
		p.say("%s == %s", p.register, text)
	case op == expr.CmpOpEq:
		p.say("%s %s", p.register, text)
	case op == expr.CmpOpGte && p.from == "":
		p.from, p.ranged = text, p.register
	case op == expr.CmpOpLte && p.from != "" && p.ranged == p.register:
		from := p.from
		p.from = ""
		p.say("%s %s-%s", p.register, from, text)
	default:
		p.say("%s %s %s", p.register, [...]string{"==", "!=", "<", "<=", ">", ">="}[op%6], text)
	}
}

// inRange writes what nft 1.1 and later make of a range; see compare for how
// earlier ones do.
func (p *rulePrinter) inRange(e rawExpression) {
	if p.register == "" {
		p.unknown(e)
		return
	}
	not := ""
	if e.uint32(unix.NFTA_RANGE_OP) == rangeNeq {
		not = "!= "
	}
	from, to := dataValue(e.attrs[unix.NFTA_RANGE_FROM_DATA]), dataValue(e.attrs[unix.NFTA_RANGE_TO_DATA])
	p.say("%s %s%s-%s", p.register, not, p.value(from), p.value(to))
	p.printed = true
}

const ipProtocol = "ip protocol"

func (p *rulePrinter) holdsProtocol() bool {
	return p.register == ipProtocol || p.register == "meta l4proto"
}

func protocolName(protocol byte) string {
	switch config.Protocol(protocol) {
	case config.TCP:
		return "tcp"
	case config.UDP:
		return "udp"
	}
	return fmt.Sprint(protocol)
}

func (p *rulePrinter) lookup(e rawExpression) {
	set := e.text(unix.NFTA_LOOKUP_SET)
	defer func() { p.printed = e.attrs[unix.NFTA_LOOKUP_DREG] == nil }()
	switch dreg := e.attrs[unix.NFTA_LOOKUP_DREG]; {
	case p.register == "":
		p.unknown(e)
	case dreg == nil && e.uint32(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0:
		p.say("%s != @%s", p.register, set)
	case dreg == nil:
		p.say("%s @%s", p.register, set)
	case e.uint32(unix.NFTA_LOOKUP_DREG) == unix.NFT_REG_VERDICT:
		p.say("%s vmap @%s", p.register, set)
	default:
		p.register = fmt.Sprintf("%s map @%s", p.register, set)
	}
}

func (p *rulePrinter) immediate(e rawExpression) {
	data := e.attrs[unix.NFTA_IMMEDIATE_DATA]
	if code, chain, ok := dataVerdict(data); ok {
		p.say("%s", verdictText(code, chain))
		return
	}
	value := dataValue(data)
	p.width = len(value)
	text := fmt.Sprintf("0x%x", value)
	switch len(value) {
	case 2:
		text = fmt.Sprint(binary.BigEndian.Uint16(value))
	case 4:
		text = valueText(typeMark, value)
	case 16:
		text = valueText(typeIPv6, value)
	}
	p.load(e, e.uint32(unix.NFTA_IMMEDIATE_DREG), text)
}

func (p *rulePrinter) nat(e rawExpression) {
	kind := "snat"
	if e.uint32(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
		kind = "dnat"
	}
	p.to(kind)
}

// to writes a translation, and what it translates to if a register says so.
func (p *rulePrinter) to(kind string) {
	if p.register != "" && !p.printed {
		kind += " to " + p.register
	}
	p.say("%s", kind)
	p.printed = true
}

// verdictText is a verdict as nft writes it; codes of linux/netfilter.h and
// enum nft_verdicts.
func verdictText(code int32, chain string) string {
	switch expr.VerdictKind(code) {
	case expr.VerdictGoto:
		return "goto " + chain
	case expr.VerdictJump:
		return "jump " + chain
	case expr.VerdictReturn:
		return "return"
	case expr.VerdictContinue:
		return "continue"
	}
	switch code {
	case verdictAccept:
		return "accept"
	case verdictDrop:
		return "drop"
	}
	return fmt.Sprintf("[verdict %d]", code)
}
