package dump

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Chains returns the chains of a configuration, each rule with its line number.
func Chains(c *oldconfig.Config) string {
	var b strings.Builder
	for _, chain := range c.Chains {
		fmt.Fprintf(&b, "%s %s %s%s\n", chain.Family, chain.Table, chain.Name, describeBase(chain.Base))
		for _, r := range chain.Rules {
			fmt.Fprintf(&b, "%d: %s\n", r.Number, describeRule(chain.Family, r))
		}
	}
	return b.String()
}

func describeBase(b *oldconfig.Base) string {
	if b == nil {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, " hook %d priority %d", b.Hook, b.Priority)
	if b.NAT {
		text.WriteString(" nat")
	}
	if b.Drops {
		text.WriteString(" drops")
	}
	for _, device := range b.Devices {
		text.WriteString(" on " + device)
	}
	return text.String()
}

func describeRule(family oldconfig.Family, r *oldconfig.Rule) string {
	var words []string
	for _, m := range r.Matches {
		words = append(words, describeMatch(family, m))
	}
	words = append(words, "->")
	for _, a := range r.Actions {
		words = append(words, describeAction(family, a))
	}
	if r.Then != nil {
		words = append(words, "then", describeRule(family, r.Then))
	}
	return strings.Join(words, " ")
}

func describeMatch(family oldconfig.Family, m oldconfig.Match) string {
	names := []string{
		"?", "proto", "saddr", "daddr", "sport", "dport", "iif", "oif", "mac", "flags", "state", "mark", "ctmark",
		"saddrtype", "daddrtype", "frag", "socket", "ipvs", "vaddr", "vport", "ctorigsrc", "ctorigdst", "ctorigdstport",
	}
	text := names[m.Field]
	if m.Mask != 0 {
		text += fmt.Sprintf("&%#x", m.Mask)
	}
	if m.Not {
		text = "!" + text
	}
	values := append([]string(nil), m.Names...)
	for _, r := range m.In {
		values = append(values, describeRange(family, m.Field, r))
	}
	if m.Field == oldconfig.NotUnderstood {
		values = []string{m.Text}
	}
	return text + "=" + strings.Join(values, ",")
}

func describeRange(family oldconfig.Family, f oldconfig.Field, r oldconfig.Range) string {
	format := func(n oldconfig.Number) string {
		switch f {
		case oldconfig.Source, oldconfig.Destination, oldconfig.VirtualAddress, oldconfig.OriginalSource, oldconfig.OriginalDestination:
			return address(family, n).String()
		case oldconfig.SourceMAC:
			b := binary.BigEndian.AppendUint64(nil, n.Low)
			return net.HardwareAddr(b[2:]).String()
		}
		return fmt.Sprint(n.Low)
	}
	if r.Low == r.High {
		return format(r.Low)
	}
	return format(r.Low) + "-" + format(r.High)
}

func address(family oldconfig.Family, n oldconfig.Number) netip.Addr {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, n.High), n.Low)
	if family == config.IPv4 {
		b = b[12:]
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func describeAction(family oldconfig.Family, a oldconfig.Action) string {
	names := []string{
		"opaque", "none", "mark", "ctmark", "save", "restore", "accept", "drop", "return", "jump", "goto",
		"untrack", "dnat", "snat",
	}
	var text strings.Builder
	text.WriteString(names[a.Kind] + a.Chain)
	switch a.Kind {
	case oldconfig.SetMark, oldconfig.SetConnMark:
		fmt.Fprintf(&text, "&%#x^%#x", a.And, a.Xor)
	case oldconfig.SaveMark, oldconfig.RestoreMark:
		fmt.Fprintf(&text, "&%#x^(&%#x)", a.And, a.Mask)
	case oldconfig.Opaque:
		text.WriteString(" " + a.Text)
	}
	for _, r := range a.To {
		text.WriteString(" to " + describeRange(family, oldconfig.Destination, r))
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{a.ToDevice, "device"}, {a.ToNetwork, "network"}, {a.RandomPorts, "random"}, {a.Persistent, "persistent"}} {
		if flag.set {
			text.WriteString(" " + flag.name)
		}
	}
	for _, r := range a.ToPorts {
		text.WriteString(" port " + describeRange(family, oldconfig.DestinationPort, r))
	}
	for _, m := range a.SetMarkByAddr {
		fmt.Fprintf(&text, " %s:%d", describeRange(family, oldconfig.Destination, m.Destination), m.Mark)
	}
	return text.String()
}
