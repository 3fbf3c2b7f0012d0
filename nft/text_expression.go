package nft

import (
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/nftname"
)

// Text returns the rule as nft 1.0.6 lists it. Expressions that the package does not know
// are printed as their kernel name in brackets.
func (r *Rule) Text(family Family) string {
	p := newRulePrinter(family, r.anonymous, r.devices)
	for e := range r.All() {
		p.expression(e)
	}
	if r.Comment != "" {
		p.write("comment \"%s\"", r.Comment)
	}
	return p.text()
}

func (p *rulePrinter) expression(e Expression) {
	switch typed := e.Typed(p.family).(type) {
	case *expr.Meta:
		p.meta(e, typed)
	case *expr.Cmp:
		p.compare(e, typed)
	case *expr.Range:
		p.inRange(e, typed)
	case *expr.Lookup:
		p.lookup(e, typed)
	case *expr.Immediate:
		p.load(e, typed.Register, constantContent(typed.Data))
	case *expr.Verdict:
		p.write("%s", verdictText(typed.Kind, p.chainText(typed.Chain)))
	case *expr.Bitwise:
		p.bitwise(e, typed)
	case *expr.Socket:
		p.socket(e, typed)
	case *expr.Byteorder:
		p.byteorder(e, typed)
	case *expr.Numgen:
		p.numgen(e, typed)
	case *expr.Fib:
		p.fib(e, typed)
	default:
		p.statement(e)
	}
}

// statement prints statements with a type of the library.
func (p *rulePrinter) statement(e Expression) {
	switch typed := e.Typed(p.family).(type) {
	case *expr.Limit:
		p.limit(typed)
	case *expr.Quota:
		p.quota(typed)
	case *expr.Reject:
		p.reject(e, typed)
	case *expr.Log:
		p.log(typed)
	case *expr.Objref:
		p.objref(e, typed)
	case *expr.Connlimit:
		p.connlimit(typed)
	case *expr.SynProxy:
		p.synproxy(typed)
	case *expr.Queue:
		p.queue(typed)
	case *expr.FlowOffload:
		p.write("flow add @%s", typed.Name)
	default:
		p.named(e)
	}
}

// named prints expressions by their name.
func (p *rulePrinter) named(e Expression) {
	reader, known := p.reader(e.Name)
	switch {
	case known && e.only(reader.last):
		reader.print(e)
	case e.Name == "notrack", e.Name == "counter":
		p.write("%s", e.Name)
	case e.Name == "reject" && e.number(unix.NFTA_REJECT_TYPE) == unix.NFT_REJECT_TCP_RST:
		p.write("reject with tcp reset") // the kernel lists no code, which the library requires
	case e.Name == "match", e.Name == "target":
		p.write("xt %s %q", e.Name, e.Extension()) // of iptables: xt_stmt_xlate in src/xt.c of nft
		p.registers = [RegisterSlots]*content{}
	default:
		p.unknown(e)
	}
}

// An attributeReader prints an expression that it decodes itself.
type attributeReader struct {
	print func(Expression)
	last  uint16 // the last attribute that it knows, of linux/netfilter/nf_tables.h
}

// reader returns how to print an expression for which the library has no type, or one that
// omits attributes.
func (p *rulePrinter) reader(name string) (attributeReader, bool) {
	r, ok := map[string]attributeReader{
		"payload": {p.payload, unix.NFTA_PAYLOAD_CSUM_FLAGS}, "ct": {p.ct, unix.NFTA_CT_SREG}, "rt": {p.rt, unix.NFTA_RT_KEY}, "xfrm": {p.xfrm, 4},
		"osf": {p.osf, 3}, "exthdr": {p.exthdr, nftaExthdrSreg}, "hash": {p.hash, 7}, "nat": {p.nat, unix.NFTA_NAT_FLAGS},
		"masq": {p.masquerade, unix.NFTA_MASQ_REG_PROTO_MAX}, "redir": {p.redirect, unix.NFTA_REDIR_FLAGS}, "tproxy": {p.tproxy, 3},
		"dup": {p.dup, 2}, "fwd": {p.fwd, 3}, "dynset": {p.dynset, nftaDynsetExpressions}, "objref": {p.objectMap, 5},
	}[name]
	return r, ok
}

func (p *rulePrinter) socket(e Expression, socket *expr.Socket) {
	o := &content{kind: nftname.Number, size: 4}
	switch socket.Key {
	case expr.SocketKeyTransparent:
		o.text = "socket transparent"
	case expr.SocketKeyMark:
		o.text, o.kind = "socket mark", nftname.Mark
	case expr.SocketKeyWildcard:
		o.text = "socket wildcard"
	default: // the kernel has the number of a cgroup, nft its path
		p.unknown(e)
		return
	}
	p.load(e, socket.Register, o)
}

// rt prints NFTA_RT_KEY; nft(8), "ROUTING EXPRESSIONS".
func (p *rulePrinter) rt(e Expression) {
	o, known := map[uint32]content{
		unix.NFT_RT_CLASSID: {text: "rt classid", kind: nftname.HostNumber, size: 4}, unix.NFT_RT_NEXTHOP4: {text: "rt ip nexthop", kind: nftname.Address, size: 4},
		unix.NFT_RT_NEXTHOP6: {text: "rt ip6 nexthop", kind: nftname.Address, size: 16}, unix.NFT_RT_TCPMSS: {text: "rt mtu", kind: nftname.HostNumber, size: 2},
		4: {text: "rt ipsec", kind: nftname.Boolean, size: 1}, // NFT_RT_XFRM
	}[e.number(unix.NFTA_RT_KEY)]
	if !known {
		p.unknown(e)
		return
	}
	p.load(e, e.number(unix.NFTA_RT_DREG), &o)
}

// xfrm prints enum nft_xfrm_keys of linux/netfilter/nf_tables.h; nft(8), "IPSEC EXPRESSIONS".
func (p *rulePrinter) xfrm(e Expression) {
	const register, keyAttribute, directionAttribute, policyAttribute = 1, 2, 3, 4
	o, known := map[uint32]content{
		1: {text: "ip daddr", kind: nftname.Address, size: 4}, 2: {text: "ip6 daddr", kind: nftname.Address, size: 16},
		3: {text: "ip saddr", kind: nftname.Address, size: 4}, 4: {text: "ip6 saddr", kind: nftname.Address, size: 16},
		5: {text: "reqid", kind: nftname.HostNumber, size: 4}, 6: {text: "spi", kind: nftname.Number, size: 4},
	}[e.number(keyAttribute)]
	direction, _ := e.attribute(directionAttribute)
	if !known || len(direction) != 1 || direction[0] > 1 {
		p.unknown(e)
		return
	}
	prefix := "ipsec " + [...]string{"in ", "out "}[direction[0]]
	if n := e.number(policyAttribute); n > 0 {
		prefix += fmt.Sprintf("spnum %d ", n)
	}
	o.text = prefix + o.text
	p.load(e, e.number(register), &o)
}

// osf prints nft(8), "OSF EXPRESSION".
func (p *rulePrinter) osf(e Expression) {
	const register, ttlAttribute, flagsAttribute, version = 1, 2, 3, 1 // NFTA_OSF_*, NFT_OSF_F_VERSION
	ttl, _ := e.attribute(ttlAttribute)
	if len(ttl) != 1 || ttl[0] > 2 {
		p.unknown(e)
		return
	}
	text := "osf " + [...]string{"", "ttl loose ", "ttl skip "}[ttl[0]] + "name"
	if e.number(flagsAttribute)&version != 0 {
		text = strings.TrimSuffix(text, "name") + "version"
	}
	p.load(e, e.number(register), &content{text: text, kind: nftname.String}) // nft refuses it in a concatenation
}

func (p *rulePrinter) numgen(e Expression, n *expr.Numgen) {
	mode := "inc"
	if n.Type == unix.NFT_NG_RANDOM {
		mode = "random"
	}
	p.load(e, n.Register, &content{text: fmt.Sprintf("numgen %s mod %d%s", mode, n.Modulus, offsetText(n.Offset)), kind: nftname.HostNumber, size: 4})
}

func offsetText(offset uint32) string {
	if offset == 0 {
		return ""
	}
	return fmt.Sprintf(" offset %d", offset)
}

// hash prints nft(8), "HASH EXPRESSIONS".
func (p *rulePrinter) hash(e Expression) {
	const typeAttribute, symmetric = 7, 1 // NFTA_HASH_TYPE, NFT_HASH_SYM
	text := fmt.Sprintf("symhash mod %d", e.number(unix.NFTA_HASH_MODULUS))
	if e.number(typeAttribute) != symmetric {
		of := p.concatenation(e.number(unix.NFTA_HASH_SREG), int(e.number(unix.NFTA_HASH_LEN)))
		if of == nil {
			p.unknown(e)
			return
		}
		text = fmt.Sprintf("jhash %s mod %d", joined(of), e.number(unix.NFTA_HASH_MODULUS))
		if seed := e.number(unix.NFTA_HASH_SEED); seed != 0 {
			text += fmt.Sprintf(" seed 0x%x", seed)
		}
	}
	text += offsetText(e.number(unix.NFTA_HASH_OFFSET))
	p.load(e, e.number(unix.NFTA_HASH_DREG), &content{text: text, kind: nftname.HostNumber, size: 4})
}

// fib prints nft(8), "FIB EXPRESSIONS".
func (p *rulePrinter) fib(e Expression, fib *expr.Fib) {
	var keys []string
	for _, key := range []struct {
		has  bool
		name string
	}{{fib.FlagSADDR, "saddr"}, {fib.FlagDADDR, "daddr"}, {fib.FlagMARK, "mark"}, {fib.FlagIIF, "iif"}, {fib.FlagOIF, "oif"}} {
		if key.has {
			keys = append(keys, key.name)
		}
	}
	o := &content{kind: nftname.InterfaceIndex, size: 4}
	result := "oif"
	switch {
	case fib.ResultADDRTYPE:
		result, o.kind = "type", nftname.FIBType
	case fib.ResultOIFNAME:
		result, o.kind, o.size = "oifname", nftname.InterfaceName, unix.IFNAMSIZ
	}
	if fib.FlagPRESENT {
		o.kind = nftname.Boolean
	}
	o.text = "fib " + strings.Join(keys, " . ") + " " + result
	p.load(e, fib.Register, o)
}

// exthdr prints a load, a change or the removal of an option; nft(8), "EXTENSION HEADER
// EXPRESSIONS".
func (p *rulePrinter) exthdr(e Expression) {
	const op, present = 6, 1 // NFTA_EXTHDR_OP, NFT_EXTHDR_F_PRESENT
	number, _ := e.attribute(unix.NFTA_EXTHDR_TYPE)
	if len(number) != 1 {
		p.unknown(e)
		return
	}
	name, known := nftname.Option(e.number(op), number[0])
	at := &place{int(e.number(unix.NFTA_EXTHDR_OFFSET)) * 8, int(e.number(unix.NFTA_EXTHDR_LEN)) * 8, optionFields(name)}
	_, loads := e.DestRegister()
	p.needs(name)
	switch sets := e.number(nftaExthdrSreg); {
	case !known:
		p.unknown(e)
	case sets != 0:
		p.setField(e, sets, at, strings.ReplaceAll(name, " ", "-"))
	case !loads:
		p.write("reset %s", name)
	case e.number(unix.NFTA_EXTHDR_FLAGS)&present != 0:
		if !strings.Contains(name, " ") {
			name = "exthdr " + name
		}
		p.load(e, e.number(unix.NFTA_EXTHDR_DREG), &content{text: name, kind: nftname.Boolean, size: 1})
	default:
		p.load(e, e.number(unix.NFTA_EXTHDR_DREG), p.optionContent(at, name, number[0]))
	}
}

// optionContent returns the content for a part of an option. nft has a syntax for parts
// without a name in TCP options only.
func (p *rulePrinter) optionContent(at *place, name string, number byte) *content {
	raw := fmt.Sprintf("%s @%d,%d", name, at.offset, at.bits)
	kind := nftname.Raw
	if strings.HasPrefix(name, "tcp option ") {
		raw, kind = fmt.Sprintf("tcp option @%d,%d,%d", number, at.offset, at.bits), nftname.Number
	}
	o := p.fieldContent(at, raw)
	if o.text == raw {
		o.kind = kind
	}
	return o
}

// optionFields returns the fields of an option, as place has them.
func optionFields(name string) func(offset, bits int) (string, []nftname.Field) {
	return func(offset, bits int) (string, []nftname.Field) {
		for _, header := range nftname.OptionHeaders(name) {
			if fields := nftname.Fields(header, offset, bits, -1); fields != nil {
				return header, fields
			}
		}
		return name, nil
	}
}
