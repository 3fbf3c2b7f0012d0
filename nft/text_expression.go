package nft

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A headerField is a field of whole bytes in a header.
type headerField struct {
	header        string // nft's name
	offset, width uint32 // bytes
}

// fieldNames are names in nft(8), "PAYLOAD EXPRESSIONS", of fields with numbers.
var fieldNames = map[headerField]string{
	{"ip", 2, 2}: "length", {"ip", 4, 2}: "id", {"ip", 6, 2}: "frag-off", {"ip", 8, 1}: "ttl", {"ip", 10, 2}: "checksum",
	{"ip6", 4, 2}: "length", {"ip6", 7, 1}: "hoplimit",
	{"tcp", 4, 4}: "sequence", {"tcp", 8, 4}: "ackseq", {"tcp", 14, 2}: "window", {"tcp", 16, 2}: "checksum", {"tcp", 18, 2}: "urgptr",
	{"udp", 4, 2}: "length", {"udp", 6, 2}: "checksum",
}

// fieldName returns nft's name of a field; false if it has none here. For fields above the
// network layer, protocol is what the rule has matched.
func fieldName(f Family, protocol string, payload *expr.Payload) (string, bool) {
	header := protocol
	if payload.Base == expr.PayloadBaseNetworkHeader {
		header = f.String()
	} else if payload.Base != expr.PayloadBaseTransportHeader {
		return "", false
	}
	name, ok := fieldNames[headerField{header, payload.Offset, payload.Len}]
	return header + " " + name, ok
}

// isNumberField reports whether the contents of the register are a field of fieldNames, or
// bits of it.
func isNumberField(register string) bool {
	words := strings.Fields(register)
	if len(words) < 2 {
		return false
	}
	for field, name := range fieldNames {
		if field.header == words[0] && name == words[1] {
			return true
		}
	}
	return false
}

// numberText formats a number in network byte order.
func numberText[T netlink.Content](b T) string { return fmt.Sprint(new(big.Int).SetBytes([]byte(b))) }

// metaNumbers are the keys of metaNames with a number of 4 bytes in host byte order.
var metaNumbers = map[string]bool{
	"meta length": true, "meta cpu": true, "iifgroup": true, "oifgroup": true, "meta skuid": true, "meta skgid": true,
	"meta cgroup": true, "meta rtclassid": true,
}

// ctNames are the names in nft(8), "CONNTRACK EXPRESSIONS", of keys of enum nft_ct_keys.
var ctNames = map[expr.CtKey]string{
	expr.CtKeySTATE: "state", expr.CtKeyDIRECTION: "direction", expr.CtKeySTATUS: "status", expr.CtKeyMARK: "mark",
	expr.CtKeySECMARK: "secmark", expr.CtKeyHELPER: "helper", expr.CtKeyL3PROTOCOL: "l3proto", expr.CtKeyPROTOCOL: "protocol",
	expr.CtKeyPKTS: "packets", expr.CtKeyBYTES: "bytes", expr.CtKeyAVGPKT: "avgpkt", expr.CtKeyZONE: "zone", expr.CtKeyID: "id",
	expr.CtKeySRCIP: "ip saddr", expr.CtKeyDSTIP: "ip daddr", expr.CtKeySRCIP6: "ip6 saddr", expr.CtKeyDSTIP6: "ip6 daddr",
}

// hasDirection reports whether the value is one of a direction of the connection.
func hasDirection(ct *expr.Ct) bool {
	switch ct.Key {
	case expr.CtKeySRCIP, expr.CtKeyDSTIP, expr.CtKeySRCIP6, expr.CtKeyDSTIP6:
		return true
	}
	return ct.OptDirection
}

// ct prints a load or a change of connection tracking data. Keys with a direction are opaque
// to the library.
func (p *rulePrinter) ct(e Expression, ct *expr.Ct) {
	name, known := ctNames[ct.Key]
	if hasDirection(ct) && ct.Direction < 2 {
		name = [...]string{"original ", "reply "}[ct.Direction] + name
	}
	switch {
	case !known:
		p.unknown(e)
	case !ct.SourceRegister:
		p.load(e, ct.Register, "ct "+name)
	case p.register == "" || p.printed:
		p.unknown(e)
	case p.constant != nil:
		text, ok := ctValue("ct "+name, p.constant)
		if !ok {
			text = p.register
		}
		p.write("ct %s set %s", name, text)
		p.printed = true
	default:
		p.write("ct %s set %s", name, p.register)
		p.printed = true
	}
}

// A bitName is nft's name of a flag.
type bitName struct {
	bit  uint32
	name string
}

// ctBits are the names of flags by the text of the register: states and IPS_* of
// linux/netfilter/nf_conntrack_common.h.
var ctBits = map[string][]bitName{
	"ct state":  {{1, "invalid"}, {2, "established"}, {4, "related"}, {8, "new"}, {64, "untracked"}},
	"ct status": {{1, "expected"}, {2, "seen-reply"}, {4, "assured"}, {8, "confirmed"}, {16, "snat"}, {32, "dnat"}, {512, "dying"}},
}

// bitsText returns the names of all flags of a value of the register; false if the register
// has no flags or one is unknown.
func bitsText(register string, value []byte) (string, bool) {
	names := ctBits[register]
	if names == nil || len(value) != 4 {
		return "", false
	}
	rest := hostOrdered(value)
	var set []string
	for _, b := range names {
		if rest&b.bit != 0 {
			set = append(set, b.name)
			rest &^= b.bit
		}
	}
	return strings.Join(set, ","), rest == 0 && len(set) > 0
}

// ctValue formats the right side of a comparison with conntrack data.
func ctValue(register string, b []byte) (string, bool) {
	if text, ok := bitsText(register, b); ok {
		return text, true
	}
	switch {
	case strings.HasPrefix(register, "ct mark") && len(b) == 4:
		return valueText(typeMark, b), true
	case register == "ct direction" && len(b) == 1 && b[0] < 2:
		return [...]string{"original", "reply"}[b[0]], true
	case register == "ct protocol" && len(b) == 1:
		return protocolName(b[0]), true
	case strings.HasPrefix(register, "ct ") && len(b) == 8:
		return fmt.Sprint(binary.NativeEndian.Uint64(b)), true
	case register == "ct l3proto" && len(b) == 1 && (b[0] == unix.NFPROTO_IPV4 || b[0] == unix.NFPROTO_IPV6):
		return map[byte]string{unix.NFPROTO_IPV4: "ipv4", unix.NFPROTO_IPV6: "ipv6"}[b[0]], true
	case strings.HasPrefix(register, "ct ") && strings.HasSuffix(register, "zone") && len(b) == 2:
		return fmt.Sprint(binary.NativeEndian.Uint16(b)), true
	case register == "ct id" && len(b) == 4:
		return fmt.Sprint(uint32Of(b)), true
	case register == "ct helper":
		return fmt.Sprintf("%q", strings.TrimRight(string(b), "\x00")), true
	}
	return "", false
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
	if p.register == text {
		p.constant = value
	}
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
	switch {
	case p.register == "" || p.printed:
	case len(p.constant) == 4 && p.family == IPv4 && !strings.Contains(p.register, " . "):
		kind += " to " + valueText(typeIPv4, p.constant)
	default:
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
