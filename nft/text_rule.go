package nft

import (
	"cmp"
	"fmt"
	"slices"
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
	flags      []byte // mask of a register with flags; nil: none
	constant   []byte // the contents if they are a constant; nil: they are not
	swapped    bool   // the contents were converted from host to network byte order
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
	case *expr.Ct:
		p.ct(e, typed)
	default:
		p.statement(e)
	}
}

// statement prints statements without registers, and others by their name.
func (p *rulePrinter) statement(e Expression) {
	switch typed := e.Typed(p.family).(type) {
	case *expr.Limit:
		p.limit(typed)
	case *expr.Quota:
		p.quota(typed)
	case *expr.Reject:
		p.reject(e, typed)
	case *expr.Log:
		p.log(e, typed)
	case *expr.Objref:
		p.objref(e, typed)
	default:
		p.named(e)
	}
}

// named prints expressions by their name.
func (p *rulePrinter) named(e Expression) {
	switch e.Name {
	case "notrack":
		p.write("notrack")
	case "byteorder":
		p.byteorder(e)
	case "reject": // the kernel lists no code, which the library requires
		if e.number(unix.NFTA_REJECT_TYPE) == unix.NFT_REJECT_TCP_RST {
			p.write("reject with tcp reset")
			return
		}
		p.unknown(e)
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
		p.register, p.printed, p.prefix, p.constant, p.swapped = text, false, 0, nil, false
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
	case base == expr.PayloadBaseTransportHeader && width == 2 && offset <= 2 && hasPorts(p.protocol):
		text = p.protocol + [...]string{0: " sport", 2: " dport", 1: ""}[offset]
		p.pending = ""
	case base == expr.PayloadBaseTransportHeader && width == 2 && (offset == 0 || offset == 2) && p.protocol == "":
		text = [...]string{0: "th sport", 2: "th dport", 1: ""}[offset]
	case base == expr.PayloadBaseNetworkHeader && p.family == IPv4 && offset == 9 && width == 1:
		text = ipProtocol
	case p.isField(payload):
		text, _ = fieldName(p.family, p.protocol, payload)
		p.dropPending(base)
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

func (p *rulePrinter) isField(payload *expr.Payload) bool {
	_, ok := fieldName(p.family, p.protocol, payload)
	return ok
}

// dropPending drops the match of the protocol before a field of that protocol.
func (p *rulePrinter) dropPending(base expr.PayloadBase) {
	if base == expr.PayloadBaseTransportHeader {
		p.pending = ""
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

func (p *rulePrinter) compare(e Expression, comparison *expr.Cmp) {
	value, op := comparison.Data, comparison.Op
	text := p.value(value)
	if p.prefix > 0 {
		text += fmt.Sprintf("/%d", p.prefix)
	}
	defer func() { p.printed, p.flags = true, nil }()
	switch {
	case p.register == "":
		p.unknown(e)
	case p.flags != nil:
		p.compareFlags(comparison)
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
	// Names of /etc/protocols, which nft prints.
	names := map[byte]string{
		unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_IGMP: "igmp", byte(config.TCP): "tcp", byte(config.UDP): "udp", unix.IPPROTO_DCCP: "dccp",
		unix.IPPROTO_ESP: "esp", unix.IPPROTO_AH: "ah", unix.IPPROTO_ICMPV6: "ipv6-icmp", unix.IPPROTO_SCTP: "sctp", unix.IPPROTO_UDPLITE: "udplite",
	}
	return cmp.Or(names[protocol], fmt.Sprint(protocol))
}

// hasPorts reports whether the header of a protocol begins with ports.
func hasPorts(protocol string) bool {
	return slices.Contains([]string{"tcp", "udp", "dccp", "sctp", "udplite"}, protocol)
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
