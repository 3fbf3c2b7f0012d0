package iptables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxPorts is the number of ports of multiport, where a range counts twice
// (XT_MULTI_PORTS of linux/netfilter/xt_multiport.h).
const maxPorts = 15

// checkOptions remarks on options that iptables refuses. Each of them has a meaning alone, but a
// host has no such rule.
func (p *parser) checkOptions() {
	seen := map[string]bool{}
	for _, name := range p.given {
		if seen[name] {
			p.misunderstood(fmt.Sprintf("--%s (iptables refuses it a second time)", name))
			p.refused = true
		}
		seen[name] = true
	}
	if p.several && p.negated != "" {
		p.misunderstood(p.negated + " (iptables refuses ! where an option has several addresses)")
		p.refused = true
	}
	for _, m := range p.modules {
		if m.opaque {
			if reason := p.refusalOfICMP(m); reason != "" {
				p.misunderstood(fmt.Sprintf("%s (iptables refuses it: %s)", m, reason))
				p.refused = true
			}
			continue
		}
		text, reason := m.String(), p.refusal(m)
		if m == p.target {
			text, reason = p.targetText(), p.refusalOfTarget()
		}
		if reason != "" {
			p.misunderstood(fmt.Sprintf("%s (iptables refuses it: %s)", text, reason))
			p.refused = true
		}
	}
}

// refusal returns why iptables refuses a match module with its options, or "".
func (p *parser) refusal(m *module) string {
	seen := map[string]bool{}
	for _, o := range m.options {
		name := shortName(o.name)
		switch {
		case seen[name] && name == "tcp-flags":
			return "--syn and --tcp-flags exclude each other"
		case seen[name]:
			return "--" + o.name + " is given twice"
		}
		seen[name] = true
		if o.not && (name == "comment" || name == "ctdir") {
			return "--" + o.name + " cannot be inverted"
		}
	}
	switch m.name {
	case "tcp", "udp", "sctp", "dccp":
		if moduleOf(p.protocol) != m.name {
			return "it needs -p " + m.name
		}
	case "multiport":
		return p.refusalOfPorts(m)
	case "state", "conntrack", "iprange", "addrtype", "set", "mark", "connmark", "mac", "comment", "helper", "ipvs":
		if len(m.options) == 0 {
			return "it has no option"
		}
	}
	return ""
}

// refusalOfICMP returns why iptables refuses a match of the type of ICMP, or "".
func (p *parser) refusalOfICMP(m *module) string {
	family, protocol := config.IPv4, uint64(1)
	switch m.name {
	case "icmp":
	case "icmp6", "icmpv6", "ipv6-icmp":
		family, protocol = config.IPv6, 58
	default:
		return ""
	}
	switch {
	case p.family != family:
		return "it is of " + family.String()
	case p.protocol != protocol:
		return "it needs -p with its protocol"
	case len(m.options) == 0:
		return "it has no option"
	case !isICMPType(strings.Join(m.options[0].values, " ")):
		return "it is no type and code"
	}
	return ""
}

// isICMPType reports whether a text may be the type of ICMP: a name, or TYPE[/CODE[:CODE]].
func isICMPType(text string) bool {
	kind, code, hasCode := strings.Cut(text, "/")
	low, high, isRange := strings.Cut(code, ":")
	isByte := func(text string) bool {
		_, ok := parseNumber(text, 255)
		return ok
	}
	return text != "" && strings.Trim(text[:1], "0123456789") != "" ||
		isByte(kind) && (!hasCode || isByte(low)) && (!isRange || isByte(high))
}

// refusalOfTarget returns why iptables refuses the target with its options, or "".
func (p *parser) refusalOfTarget() string {
	seen := map[string]bool{}
	for _, o := range p.target.options {
		if seen[o.name] {
			return "--" + o.name + " is given twice"
		}
		seen[o.name] = true
	}
	switch p.target.name {
	case "CONNMARK":
		if seen["mask"] && (seen["nfmask"] || seen["ctmask"]) {
			return "--mask and another mask exclude each other"
		}
	case "DNAT", "SNAT", "REDIRECT", "MASQUERADE":
		switch moduleOf(p.protocol) {
		case "tcp", "udp", "sctp", "dccp":
			return ""
		}
		if p.target.broken {
			return ""
		}
		if a, ok := p.translation(); ok && a.ToPorts != nil {
			return "ports need -p with a protocol that has ports"
		}
	}
	return ""
}

func (p *parser) refusalOfPorts(m *module) string {
	switch moduleOf(p.protocol) {
	case "tcp", "udp", "udplite", "sctp", "dccp":
	default:
		return "it needs -p with a protocol that has ports"
	}
	if len(m.options) != 1 {
		return "it needs one of --sports, --dports and --ports"
	}
	text := strings.Join(m.options[0].values, "")
	if 1+strings.Count(text, ",")+strings.Count(text, ":") > maxPorts {
		return fmt.Sprintf("it has more than %d ports, where a range counts twice", maxPorts)
	}
	return ""
}

// shortName returns one name for the names of the same option.
func shortName(option string) string {
	switch option {
	case "source-port":
		return "sport"
	case "destination-port":
		return "dport"
	case "syn":
		return "tcp-flags" // they exclude each other
	case "src":
		return "source"
	case "dst":
		return "destination"
	}
	return option
}

// checkPlace remarks on what iptables or the kernel refuses in this chain or table.
func (p *parser) checkPlace(t *table, c *chain) (reason string) {
	if c.base != nil {
		for _, name := range p.given {
			switch hook := c.base.Hook; {
			case name == "out-interface" && (hook == oldconfig.Prerouting || hook == oldconfig.Input),
				name == "in-interface" && (hook == oldconfig.Output || hook == oldconfig.Postrouting):
				return fmt.Sprintf("iptables refuses --%s in chain %s", name, c.name)
			}
		}
	}
	for _, m := range p.modules {
		if reason := p.refusalOfMatch(m, c); reason != "" {
			return reason
		}
	}
	if p.target == nil || t.byName[p.target.name] != nil {
		return ""
	}
	where, limited := p.target.place()
	switch {
	case !limited:
	case !slices.Contains(strings.Fields(where.tables), t.name) && where.tables != "":
		return fmt.Sprintf("the kernel refuses the target %s in table %s", p.target.name, t.name)
	case c.base != nil && len(where.hooks) > 0 && !slices.Contains(where.hooks, c.base.Hook):
		return fmt.Sprintf("the kernel refuses the target %s in chain %s", p.target.name, c.name)
	}
	return ""
}

// refusalOfMatch returns why the kernel refuses a match in a chain, or "".
func (p *parser) refusalOfMatch(m *module, c *chain) string {
	switch m.name {
	case "mac":
		if c.base != nil && (c.base.Hook == oldconfig.Output || c.base.Hook == oldconfig.Postrouting) {
			return "the kernel refuses the match mac in chain " + c.name
		}
	case "addrtype":
		for _, o := range m.options {
			if p.family == config.IPv6 && strings.Contains(strings.ToUpper(strings.Join(o.values, "")), "BROADCAST") {
				return "the kernel refuses the type BROADCAST of IPv6"
			}
		}
	}
	return ""
}

// place returns where the kernel accepts a target, which may depend on its options. limited is false
// if that is everywhere.
func (m *module) place() (where targetPlace, limited bool) {
	has := func(options ...string) bool {
		return slices.ContainsFunc(m.options, func(o option) bool { return slices.Contains(options, o.name) })
	}
	switch {
	case m.name == "SET" && has("map-prio", "map-queue"): // set_target_v3_checkentry of net/netfilter/xt_set.c
		return targetPlace{"mangle", sendingHooks}, true
	case m.name == "SET" && has("map-set"):
		return targetPlace{tables: "mangle"}, true
	case m.name == "TCPMSS" && has("clamp-mss-to-pmtu"): // tcpmss_tg4_check of net/netfilter/xt_TCPMSS.c
		return targetPlace{hooks: sendingHooks}, true
	}
	where, limited = placeOf[m.name]
	return where, limited
}

// A targetPlace is where the kernel accepts a target: the table and hooks of its struct xt_target.
type targetPlace struct {
	tables string // "": all
	hooks  []oldconfig.Hook
}

var (
	sourceHooks      = []oldconfig.Hook{oldconfig.Postrouting, oldconfig.Input}
	destinationHooks = []oldconfig.Hook{oldconfig.Prerouting, oldconfig.Output}
	sendingHooks     = []oldconfig.Hook{oldconfig.Forward, oldconfig.Output, oldconfig.Postrouting}

	placeOf = map[string]targetPlace{
		"DNAT":        {"nat", destinationHooks},
		"REDIRECT":    {"nat", destinationHooks},
		"SNAT":        {"nat", sourceHooks},
		"MASQUERADE":  {"nat", []oldconfig.Hook{oldconfig.Postrouting}},
		"NETMAP":      {tables: "nat"},
		"CT":          {tables: "raw"},
		"NOTRACK":     {tables: "raw"},
		"TPROXY":      {"mangle", []oldconfig.Hook{oldconfig.Prerouting}},
		"TOS":         {tables: "mangle"},
		"DSCP":        {tables: "mangle"},
		"ECN":         {tables: "mangle"},
		"TTL":         {tables: "mangle"},
		"HL":          {tables: "mangle"},
		"CHECKSUM":    {tables: "mangle"},
		"SECMARK":     {tables: "mangle security"},
		"CONNSECMARK": {tables: "mangle security"},
		"REJECT":      {"filter", []oldconfig.Hook{oldconfig.Input, oldconfig.Forward, oldconfig.Output}},
		"CLASSIFY":    {hooks: sendingHooks},
		"SYNPROXY":    {hooks: []oldconfig.Hook{oldconfig.Input, oldconfig.Forward}},
	}
)
