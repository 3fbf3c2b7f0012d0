package nft

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
)

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
