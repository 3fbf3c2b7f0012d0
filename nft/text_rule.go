package nft

import (
	"fmt"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/nftname"
)

// A rulePrinter tracks the contents of registers and the headers that the rule has matched,
// as nft does to list rules.
type rulePrinter struct {
	family    Family
	anonymous anonymous
	devices   nftname.Devices
	words     []string
	registers [RegisterSlots]*content

	network, transport string         // headers that the rule has matched; empty: unknown
	implied            map[string]int // by header: the word that a field of the header makes redundant
	vlan               bool           // the rule has matched a VLAN
	icmpType           int            // of the messages that the rule has matched; -1: unknown
	low                *lowEnd        // lower end of an incomplete range; nil: none
}

// A lowEnd is a comparison that may be the lower end of a range.
type lowEnd struct {
	content       *content
	text, numeric string
}

func newRulePrinter(family Family, of anonymous, devices nftname.Devices) *rulePrinter {
	p := &rulePrinter{family: family, anonymous: of, devices: devices, implied: map[string]int{}, icmpType: -1}
	switch family {
	case IPv4, IPv6, ARP:
		p.network = family.String()
	}
	return p
}

// text returns the words that are not redundant.
func (p *rulePrinter) text() string {
	p.flush()
	var words []string
	for _, w := range p.words {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func (p *rulePrinter) write(format string, args ...any) {
	p.flush()
	p.words = append(p.words, fmt.Sprintf(format, args...))
}

// flush prints the lower end of a range without an upper end.
func (p *rulePrinter) flush() {
	if low := p.low; low != nil {
		p.low = nil
		p.words = append(p.words, low.content.text+" >= "+low.text)
	}
}

// imply records that the last word is redundant before a field of the header.
func (p *rulePrinter) imply(header string) { p.implied[header] = len(p.words) - 1 }

// needs removes the words that a field of the header makes redundant.
func (p *rulePrinter) needs(header string) {
	for _, h := range []string{header, nftname.Network(header)} {
		if i, ok := p.implied[h]; ok {
			p.words[i] = ""
			delete(p.implied, h)
		}
	}
}

// unknown prints an unknown expression, and the contents of the registers before it, which
// the expression may read.
func (p *rulePrinter) unknown(e Expression) {
	if text := joined(p.unused(0, 0)); text != "" {
		p.write("%s", text)
	}
	p.write("[%s]", e.Name)
	p.registers = [RegisterSlots]*content{}
}

// load puts a content into a register. A load into register 1 begins a new concatenation.
func (p *rulePrinter) load(e Expression, register uint32, o *content) {
	slot, ok := RegisterSlot(register)
	if !ok {
		p.unknown(e)
		return
	}
	if slot == 0 {
		p.registers = [RegisterSlots]*content{}
	}
	o.devices = p.devices
	p.registers[slot] = o
}

// content returns the contents of a register; nil if they are unknown.
func (p *rulePrinter) content(register uint32) *content {
	slot, ok := RegisterSlot(register)
	if !ok || p.registers[slot] == nil {
		return nil
	}
	p.registers[slot].used = true
	return p.registers[slot]
}

// concatenation returns the contents from a register on. length is their number of bytes; 0:
// all that no expression has read.
func (p *rulePrinter) concatenation(register uint32, length int) (list []*content) {
	slot, ok := RegisterSlot(register)
	if !ok || p.registers[slot] == nil {
		return nil
	}
	list = p.unused(slot, length)
	if len(list) == 0 {
		list = []*content{p.registers[slot]}
	}
	for _, o := range list {
		o.used = true
	}
	return list
}

// unused returns contents as concatenation.
func (p *rulePrinter) unused(slot, length int) (list []*content) {
	end := RegisterSlots
	if length > 0 {
		end = min(end, slot+RegisterLen(length)/4)
	}
	for slot < end {
		o := p.registers[slot]
		if o == nil || o.used {
			slot++
			continue
		}
		list = append(list, o)
		slot += max(1, RegisterLen(o.size)/4)
	}
	return list
}

// joined returns the text of a concatenation.
func joined(list []*content) string {
	var texts []string
	for _, o := range list {
		texts = append(texts, o.full())
	}
	return strings.Join(texts, " . ")
}

// only reports whether the expression has no other attributes than those up to last.
func (e Expression) only(last uint16) bool {
	known := true
	for typ := range netlink.Attributes(e.Data) {
		known = known && typ <= last
	}
	return known
}

// constantContent returns a content for a constant whose use is unknown.
func constantContent(value []byte) *content {
	kind := nftname.Raw
	switch len(value) {
	case 2:
		kind = nftname.Number
	case 4:
		kind = nftname.Mark
	case 16:
		kind = nftname.Address
	}
	return &content{text: kind.Text(value), size: len(value), constant: value}
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
