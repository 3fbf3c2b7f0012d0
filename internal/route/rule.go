// Package route reads the rules of policy routing (ip-rule(8)) and asks the kernel for
// routes, by rtnetlink(7).
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Rule is a rule of policy routing.
type Rule struct {
	Family     config.Family
	Priority   uint32
	Mark, Mask uint32 // host byte order; the mask of a rule without fwmark is 0
	Inverted   bool   // "not"
	Selects    bool   // it has conditions besides the mark
	Packets    Packets
	Action     string // "lookup 200", "unreachable"
	Table      uint32 // of "lookup"; else 0
}

// Packets are conditions of a rule besides the mark. The zero value has none.
type Packets struct {
	From, To             netip.Prefix // invalid: any
	Device               string       // by which they come in; empty: any
	Protocol             uint8        // 0: any
	SourcePorts, ToPorts [2]uint16    // lowest and highest; 0: any
	Other                bool         // there are other conditions
}

// String returns the conditions in the syntax of ip-rule(8).
func (p Packets) String() string {
	var words []string
	add := func(there bool, format string, values ...any) {
		if there {
			words = append(words, fmt.Sprintf(format, values...))
		}
	}
	add(p.From.IsValid(), "from %s", p.From)
	add(p.To.IsValid(), "to %s", p.To)
	add(p.Device != "", "iif %s", p.Device)
	names := map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_SCTP: "sctp"}
	name, known := names[p.Protocol]
	add(known, "ipproto %s", name)
	add(!known && p.Protocol != 0, "ipproto %d", p.Protocol)
	for _, r := range []struct {
		name  string
		ports [2]uint16
	}{{"sport", p.SourcePorts}, {"dport", p.ToPorts}} {
		add(r.ports[0] != 0 && r.ports[0] == r.ports[1], "%s %d", r.name, r.ports[0])
		add(r.ports[0] != r.ports[1], "%s %d-%d", r.name, r.ports[0], r.ports[1])
	}
	add(p.Other, "…")
	return strings.Join(words, " ")
}

// String returns, for example, "ip rule 32765 (fwmark 0x15 lookup 200)".
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ip rule %d (", r.Priority)
	if r.Family == config.IPv6 {
		b.Reset()
		fmt.Fprintf(&b, "ip -6 rule %d (", r.Priority)
	}
	if r.Inverted {
		b.WriteString("not ")
	}
	if r.Mask == 0 && r.Selects {
		return b.String() + r.Packets.String() + " " + r.Action + ")"
	}
	fmt.Fprintf(&b, "fwmark %#x", r.Mark)
	if r.Mask != 0xffffffff {
		fmt.Fprintf(&b, "/%#x", r.Mask)
	}
	if r.Selects {
		b.WriteString(" …")
	}
	return b.String() + " " + r.Action + ")"
}

// Distinguishes reports whether the rule matches packets with the mark and does not match
// those without a mark, or the reverse.
func (r Rule) Distinguishes(mark uint32) bool {
	return (mark^r.Mark)&r.Mask == 0 != (r.Mark&r.Mask == 0)
}

// IsLocal reports whether the rule looks up every packet in the table of local addresses.
func (r Rule) IsLocal() bool {
	return r.Table == unix.RT_TABLE_LOCAL && r.Mask == 0 && !r.Selects && !r.Inverted
}

// MatchesUnmarked reports whether the rule matches all packets without a mark.
func (r Rule) MatchesUnmarked() bool {
	return !r.Selects && (r.Mark&r.Mask == 0) != r.Inverted
}

// ruleTries bounds the number of dumps if rules change during a dump.
const ruleTries = 100

// Rules returns the rules of both families in the order of the kernel.
func Rules() (rules []Rule, err error) {
	for range ruleTries {
		if rules, err = readRules(); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list ip rules: %w", netlink.Explain(err))
	}
	return rules, nil
}

func readRules() ([]Rule, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var rules []Rule
	for _, family := range config.Families() {
		header := make([]byte, ruleHeaderLen)
		header[0] = familyNumber(family)
		for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETRULE, Flags: unix.NLM_F_DUMP, Header: header}) {
			if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
				break // the kernel has no policy routing of this family
			}
			var r Rule
			if err == nil {
				r, err = decodeRule(m, family)
			}
			if err != nil {
				return nil, err
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// ruleHeaderLen is the length of struct fib_rule_hdr of linux/fib_rules.h: family, lengths
// of destination and source, TOS, table, two reserved bytes and the action, one byte each,
// and flags.
const ruleHeaderLen = 12

// Attributes of linux/fib_rules.h, missing in golang.org/x/sys/unix.
const (
	fraSuppressIfgroup   = 13
	fraSuppressPrefixlen = 14
	fraProtocol          = 21
)

func decodeRule(m netlink.Message, family config.Family) (Rule, error) {
	attributes, err := m.Attributes(ruleHeaderLen)
	if err != nil || m.Type != unix.RTM_NEWRULE {
		return Rule{}, netlink.ErrMalformed
	}
	const tos, table, action, flags = 3, 4, 7, 8
	r := Rule{
		Family: family, Table: uint32(m.Data[table]), Selects: m.Data[tos] != 0,
		Inverted: binary.NativeEndian.Uint32(m.Data[flags:])&unix.FIB_RULE_INVERT != 0,
	}
	d := netlink.Decode(attributes)
	for d.Next() {
		switch d.Type() {
		case unix.FRA_PRIORITY:
			r.Priority = d.Uint32()
		case unix.FRA_FWMARK:
			r.Mark = d.Uint32()
		case unix.FRA_FWMASK:
			r.Mask = d.Uint32()
		case unix.FRA_TABLE:
			r.Table = d.Uint32()
		case fraSuppressPrefixlen, fraSuppressIfgroup, fraProtocol, unix.FRA_FLOW, unix.FRA_GOTO, unix.FRA_PAD:
		default:
			r.Selects = true
			r.Packets.decode(&d, m.Data)
		}
	}
	r.Packets.Other = r.Packets.Other || m.Data[tos] != 0
	r.setAction(m.Data[action])
	return r, d.Err()
}

// decode decodes an attribute of a rule that is a condition.
func (p *Packets) decode(d *netlink.Decoder, header []byte) {
	const destinationLen, sourceLen = 1, 2
	prefix := func(length byte) netip.Prefix {
		address, _ := netip.AddrFromSlice(d.Bytes())
		return netip.PrefixFrom(address, int(length))
	}
	ports := func() (ports [2]uint16) { // struct fib_rule_port_range
		if b := d.Bytes(); len(b) == 4 {
			ports = [2]uint16{binary.NativeEndian.Uint16(b), binary.NativeEndian.Uint16(b[2:])}
		}
		return ports
	}
	switch d.Type() {
	case unix.FRA_DST:
		p.To = prefix(header[destinationLen])
	case unix.FRA_SRC:
		p.From = prefix(header[sourceLen])
	case unix.FRA_IIFNAME:
		p.Device = strings.TrimRight(string(d.Bytes()), "\x00")
	case unix.FRA_IP_PROTO:
		if b := d.Bytes(); len(b) == 1 {
			p.Protocol = b[0]
		}
	case unix.FRA_SPORT_RANGE:
		p.SourcePorts = ports()
	case unix.FRA_DPORT_RANGE:
		p.ToPorts = ports()
	default:
		p.Other = true
	}
}

// setAction sets the action, and the table to 0 if there is no lookup.
func (r *Rule) setAction(action byte) {
	if action == unix.FR_ACT_TO_TBL {
		r.Action = fmt.Sprintf("lookup %d", r.Table)
		return
	}
	r.Table = 0
	names := map[byte]string{
		unix.FR_ACT_GOTO: "goto", unix.FR_ACT_NOP: "nop", unix.FR_ACT_BLACKHOLE: "blackhole",
		unix.FR_ACT_UNREACHABLE: "unreachable", unix.FR_ACT_PROHIBIT: "prohibit",
	}
	if r.Action = names[action]; r.Action == "" {
		r.Action = fmt.Sprintf("action %d", action)
	}
}

func familyNumber(f config.Family) byte {
	if f == config.IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
