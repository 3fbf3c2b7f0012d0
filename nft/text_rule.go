package nft

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Text returns the rule as nft lists it. Expressions that the package does not know are
// printed as their kernel name in brackets.
func (r *Rule) Text(family Family) string {
	p := rulePrinter{family: family, anonymous: r.anonymous}
	for e := range r.All() {
		p.expression(e)
	}
	p.flush()
	if r.Comment != "" {
		p.words = append(p.words, fmt.Sprintf("comment \"%s\"", r.Comment))
	}
	return strings.Join(p.words, " ")
}

// A rulePrinter tracks the contents of register 1 and the following ones, as nft does to
// list rules.
type rulePrinter struct {
	family     Family
	anonymous  anonymous
	words      []string
	protocol   string // protocol that the rule has matched
	register   string // contents of the register in nft syntax
	printed    bool   // the contents are in words already
	width      int    // length of the value in bytes
	prefix     int    // prefix length of an address that is loaded in part; 0: complete
	rangeLow   string // lower end of an incomplete range
	rangeField string // left side of the incomplete range
	pending    string // match of the protocol, omitted if a port follows
}

func (p *rulePrinter) write(format string, args ...any) {
	p.flush()
	p.words = append(p.words, fmt.Sprintf(format, args...))
}

// flush prints a match of the protocol that no port follows, and the lower end of a range
// without an upper end.
func (p *rulePrinter) flush() {
	if p.pending != "" {
		p.words = append(p.words, p.pending)
		p.pending = ""
	}
	if p.rangeLow != "" {
		p.words = append(p.words, p.rangeField+" >= "+p.rangeLow)
		p.rangeLow = ""
	}
}

func (p *rulePrinter) expression(e Expression) {
	switch typed := e.Typed(p.family).(type) {
	case *expr.Meta:
		p.meta(e, typed)
	case *expr.Payload:
		p.payload(e, typed)
	case *expr.Cmp:
		p.compare(e, typed)
	case *expr.Range:
		p.inRange(e, typed)
	case *expr.Lookup:
		p.lookup(e, typed)
	case *expr.Immediate:
		p.immediate(e, typed)
	case *expr.Verdict:
		p.write("%s", verdictText(typed.Kind, p.chainText(typed.Chain)))
	case *expr.NAT:
		p.nat(typed)
	case *expr.Bitwise:
		p.bitwise(e, typed)
	case *expr.Socket:
		p.socket(e, typed)
	default:
		p.statement(e)
	}
}

// statement prints expressions by their name.
func (p *rulePrinter) statement(e Expression) {
	switch e.Name {
	case "masq":
		p.translation("masquerade")
	case "redir":
		p.translation("redirect")
	case "counter":
		p.write("counter")
	case "match", "target":
		p.write("[%s %s]", e.Name, e.Extension()) // of iptables
		p.register = ""
	default:
		p.unknown(e)
	}
}

// unknown prints an unknown expression, and the contents of the register before it, which
// the expression may change.
func (p *rulePrinter) unknown(e Expression) {
	if p.register != "" && !p.printed {
		p.write("%s", p.register)
	}
	p.write("[%s]", e.Name)
	p.register = ""
}

// load puts text into a register. A load after register 1 forms a concatenation.
func (p *rulePrinter) load(e Expression, register uint32, text string) {
	switch slot, _ := RegisterSlot(register); {
	case slot == 0:
		p.register, p.printed, p.prefix = text, false, 0
	case p.register == "" || p.printed:
		p.unknown(e)
	default:
		p.register += " . " + text
	}
}

func (p *rulePrinter) meta(e Expression, meta *expr.Meta) {
	name := MetaName(meta.Key)
	if !meta.SourceRegister {
		p.load(e, meta.Register, name)
		return
	}
	text := p.register
	p.printed = true
	if text == "" {
		text = "…" // unknown expressions
	}
	p.write("%s set %s", name, text)
}

func (p *rulePrinter) payload(e Expression, payload *expr.Payload) {
	if payload.OperationType == expr.PayloadWrite {
		p.unknown(e)
		return
	}
	base, offset, width := payload.Base, payload.Offset, payload.Len
	p.width = int(width)
	text := fmt.Sprintf("@%s,%d,%d", baseName(base), offset*8, width*8)
	switch {
	case base == expr.PayloadBaseTransportHeader && width == 2 && offset <= 2 && p.protocol != "":
		text = p.protocol + [...]string{0: " sport", 2: " dport", 1: ""}[offset]
		p.pending = ""
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
	p.load(e, payload.DestRegister, text)
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

func (p *rulePrinter) compare(e Expression, cmp *expr.Cmp) {
	value, op := cmp.Data, cmp.Op
	text := p.value(value)
	if p.prefix > 0 {
		text += fmt.Sprintf("/%d", p.prefix)
	}
	defer func() { p.printed = true }()
	switch {
	case p.register == "":
		p.unknown(e)
	case p.holdsProtocol() && op == expr.CmpOpEq && len(value) == 1:
		p.protocol = protocolName(value[0])
		p.pending = p.register + " " + text
	case op == expr.CmpOpEq && p.prefix == 0 && strings.ContainsAny(p.register, "&^|"):
		p.write("%s == %s", p.register, text)
	case op == expr.CmpOpEq:
		p.write("%s %s", p.register, text)
	case op == expr.CmpOpGte && p.rangeLow == "":
		p.rangeLow, p.rangeField = text, p.register
	case op == expr.CmpOpLte && p.rangeLow != "" && p.rangeField == p.register:
		from := p.rangeLow
		p.rangeLow = ""
		p.write("%s %s-%s", p.register, from, text)
	default:
		p.write("%s %s %s", p.register, [...]string{"==", "!=", "<", "<=", ">", ">="}[op%6], text)
	}
}

// inRange prints the range expression of nft 1.1 and later; see compare for earlier
// versions.
func (p *rulePrinter) inRange(e Expression, r *expr.Range) {
	if p.register == "" {
		p.unknown(e)
		return
	}
	not := ""
	if r.Op == expr.CmpOpNeq {
		not = "!= "
	}
	p.write("%s %s%s-%s", p.register, not, p.value(r.FromData), p.value(r.ToData))
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

func (p *rulePrinter) lookup(e Expression, lookup *expr.Lookup) {
	defer func() { p.printed = !lookup.IsDestRegSet }()
	switch {
	case p.register == "":
		p.unknown(e)
	case !lookup.IsDestRegSet && lookup.Invert:
		p.write("%s != %s", p.register, p.setText(lookup.SetName))
	case !lookup.IsDestRegSet:
		p.write("%s %s", p.register, p.setText(lookup.SetName))
	case lookup.DestRegister == unix.NFT_REG_VERDICT:
		p.write("%s vmap %s", p.register, p.setText(lookup.SetName))
	default:
		p.register = fmt.Sprintf("%s map %s", p.register, p.setText(lookup.SetName))
	}
}

func (p *rulePrinter) immediate(e Expression, immediate *expr.Immediate) {
	value := immediate.Data
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
	p.load(e, immediate.Register, text)
}

func (p *rulePrinter) nat(nat *expr.NAT) {
	if nat.Type == expr.NATTypeDestNAT {
		p.translation("dnat")
		return
	}
	p.translation("snat")
}

// translation prints a translation, with its target if that is in a register.
func (p *rulePrinter) translation(kind string) {
	if p.register != "" && !p.printed {
		kind += " to " + p.register
	}
	p.write("%s", kind)
	p.printed = true
}

// verdictText formats a verdict in nft syntax; codes of linux/netfilter.h and enum
// nft_verdicts.
func verdictText(kind expr.VerdictKind, chain string) string {
	switch kind {
	case expr.VerdictGoto:
		return "goto " + chain
	case expr.VerdictJump:
		return "jump " + chain
	case expr.VerdictReturn:
		return "return"
	case expr.VerdictContinue:
		return "continue"
	case expr.VerdictAccept:
		return "accept"
	case expr.VerdictDrop:
		return "drop"
	}
	return fmt.Sprintf("[verdict %d]", kind)
}
