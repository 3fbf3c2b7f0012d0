package nft

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ctNames are the names in nft(8), "CONNTRACK EXPRESSIONS", of keys of enum nft_ct_keys.
var ctNames = map[expr.CtKey]string{
	expr.CtKeySTATE: "state", expr.CtKeyDIRECTION: "direction", expr.CtKeySTATUS: "status", expr.CtKeyMARK: "mark",
	expr.CtKeySECMARK: "secmark", expr.CtKeyHELPER: "helper", expr.CtKeyL3PROTOCOL: "l3proto", expr.CtKeyPROTOCOL: "protocol",
	expr.CtKeyPKTS: "packets", expr.CtKeyBYTES: "bytes", expr.CtKeyAVGPKT: "avgpkt", expr.CtKeyZONE: "zone", expr.CtKeyID: "id",
}

// ct prints a load or a change of connection tracking data. Keys with a direction are opaque
// to the library.
func (p *rulePrinter) ct(e Expression, ct *expr.Ct) {
	name, known := ctNames[ct.Key]
	if ct.OptDirection && ct.Direction < 2 {
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
