package iptables

import (
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// actions returns what the target of the rule does. isChain reports whether the table has
// a chain of a name. understood is false if one of the actions is Opaque.
func (p *parser) actions(isChain func(string) bool) (actions []oldconfig.Action, understood bool) {
	if p.target == nil {
		return nil, true
	}
	a, ok := p.action(isChain)
	if !ok {
		a = oldconfig.Action{Kind: oldconfig.Opaque}
	}
	a.Text = p.targetText()
	actions = []oldconfig.Action{a}
	if a.Kind == oldconfig.Opaque && endsChain(p.target.name) {
		actions = append(actions, oldconfig.Action{Kind: oldconfig.Accept, Text: a.Text})
	}
	return actions, ok
}

// endsChain reports whether packets that go on behind a target meet no further rule of its chain:
// those that a program gives back, and those to a transparent proxy.
func endsChain(target string) bool {
	return target == "NFQUEUE" || target == "QUEUE" || target == "TPROXY"
}

// targetText returns the target as it was written.
func (p *parser) targetText() string {
	text := "-j " + p.target.name
	if !p.jump {
		text = "-g " + p.target.name
	}
	for _, o := range p.target.options {
		text += " " + o.String()
	}
	return text
}

func (p *parser) action(isChain func(string) bool) (oldconfig.Action, bool) {
	name := p.target.name
	if isChain(name) && len(p.target.options) == 0 {
		kind := oldconfig.Jump
		if !p.jump {
			kind = oldconfig.Goto
		}
		return oldconfig.Action{Kind: kind, Chain: name}, true
	}
	for _, o := range p.target.options {
		if o.not {
			return oldconfig.Action{}, false
		}
	}
	if !p.jump || p.target.broken {
		return oldconfig.Action{}, false
	}
	switch name {
	case "MARK":
		return markAction(oldconfig.SetMark, p.target)
	case "CONNMARK":
		return connmarkAction(p.target)
	case "DNAT", "REDIRECT", "NETMAP", "SNAT", "MASQUERADE":
		return p.translation()
	case "CT":
		return trackAction(p.target)
	}
	kind, ok := simpleTarget(name)
	return oldconfig.Action{Kind: kind, ChangesOthers: changesOthers(name)}, ok
}

// simpleTarget returns what a target does whatever its options. NoEffect are those that
// change neither marks nor addresses nor the way of the packet in the host.
func simpleTarget(name string) (oldconfig.ActionKind, bool) {
	switch name {
	case "ACCEPT":
		return oldconfig.Accept, true
	case "DROP", "REJECT":
		return oldconfig.Drop, true
	case "RETURN":
		return oldconfig.Return, true
	case "NOTRACK":
		return oldconfig.Untrack, true
	case "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN", "TEE",
		"TCPMSS", "TCPOPTSTRIP", "CHECKSUM", "SECMARK", "CONNSECMARK", "LED", "IDLETIMER", "RATEEST":
		return oldconfig.NoEffect, true
	}
	return oldconfig.Opaque, false
}

// changesOthers reports whether a target changes what a match that is not understood may test.
func changesOthers(target string) bool {
	switch target {
	case "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN", "TCPMSS", "TCPOPTSTRIP":
		return true
	}
	return false
}

// markAction reads how MARK or CONNMARK changes a mark: mark & ^mask ^ value, as in
// net/netfilter/xt_mark.c.
func markAction(kind oldconfig.ActionKind, m *module) (oldconfig.Action, bool) {
	if len(m.options) != 1 {
		return oldconfig.Action{}, false
	}
	o := m.options[0]
	value, mask, ok := parseMark(strings.Join(o.values, " "))
	switch o.name {
	case "set-xmark":
	case "set-mark":
		mask |= value
	case "and-mark":
		mask, value = ^value, 0
	case "or-mark":
		mask = value
	case "xor-mark":
		mask = 0
	default:
		ok = false
	}
	if o.name != "set-xmark" && o.name != "set-mark" && strings.Contains(o.values[0], "/") {
		ok = false
	}
	return oldconfig.Action{Kind: kind, And: ^mask, Xor: value}, ok
}

// connmarkAction reads CONNMARK; see net/netfilter/xt_connmark.c.
func connmarkAction(m *module) (oldconfig.Action, bool) {
	_, save := m.get("save-mark")
	_, restore := m.get("restore-mark")
	if !save && !restore {
		return markAction(oldconfig.SetConnMark, m)
	}
	packet, connection, ok := connmarkMasks(m)
	a := oldconfig.Action{Kind: oldconfig.SaveMark, And: ^connection, Mask: packet}
	if restore {
		a = oldconfig.Action{Kind: oldconfig.RestoreMark, And: ^packet, Mask: connection}
	}
	return a, ok && save != restore
}

// connmarkMasks returns the masks of the packet's mark and of the connection's mark.
func connmarkMasks(m *module) (packet, connection uint32, ok bool) {
	packet, connection = 1<<32-1, 1<<32-1
	for _, o := range m.options {
		if len(o.values) == 0 {
			continue
		}
		n, isNumber := parseNumber(o.values[0], 1<<32-1)
		if !isNumber {
			return 0, 0, false
		}
		switch o.name {
		case "mask":
			packet, connection = uint32(n), uint32(n)
		case "nfmask":
			packet = uint32(n)
		case "ctmask":
			connection = uint32(n)
		default: // shifts
			return 0, 0, false
		}
	}
	return packet, connection, true
}

// trackAction reads CT. A zone is not in the model.
func trackAction(m *module) (oldconfig.Action, bool) {
	a := oldconfig.Action{Kind: oldconfig.NoEffect}
	for _, o := range m.options {
		switch o.name {
		case "notrack":
			a.Kind = oldconfig.Untrack
		case "helper":
			a.AssignsHelper = true
			a.Helper, _ = m.get("helper")
		case "zone", "zone-orig", "zone-reply":
			return a, false
		}
	}
	return a, true
}

// translation reads the targets of table nat.
func (p *parser) translation() (oldconfig.Action, bool) {
	kind := oldconfig.TranslateDestination
	if p.target.name == "SNAT" || p.target.name == "MASQUERADE" {
		kind = oldconfig.TranslateSource
	}
	a := oldconfig.Action{
		Kind: kind, ToNetwork: p.target.name == "NETMAP",
		ToDevice: p.target.name == "REDIRECT" || p.target.name == "MASQUERADE",
	}
	ok := true
	for _, o := range p.target.options {
		switch o.name {
		case "random", "random-fully":
			a.RandomPorts = true
		case "persistent":
			a.Persistent = true
		case "to":
			a.To, ok = parseNetwork(p.family, o.values[0])
		case "to-ports":
			a.ToPorts = make([]oldconfig.Range, 1)
			a.ToPorts[0], ok = parsePorts(o.values[0], "-", p.protocol)
		case "to-source", "to-destination":
			ok = p.endpoint(o.values[0], &a) && len(a.To) <= 1
		}
		if !ok {
			return a, false
		}
	}
	_, hasNetwork := p.target.get("to")
	_, hasSource := p.target.get("to-source")
	_, hasDestination := p.target.get("to-destination")
	needs := p.target.name == "DNAT" || p.target.name == "SNAT" || p.target.name == "NETMAP"
	return a, !needs || hasNetwork || hasSource || hasDestination
}

// endpoint reads [ADDRESS[-ADDRESS]][:PORT[-PORT]]; an IPv6 address with ports has brackets.
func (p *parser) endpoint(text string, a *oldconfig.Action) bool {
	address, ports := text, ""
	if inner, rest, bracketed := cutBrackets(text); bracketed {
		address, ports = inner, strings.TrimPrefix(rest, ":")
	} else if _, err := netip.ParseAddr(text); err != nil && strings.Count(text, ":") == 1 {
		address, ports, _ = strings.Cut(text, ":")
	}
	if address != "" {
		r, ok := parseAddressRange(p.family, address)
		if !ok {
			return false
		}
		a.To = append(a.To, r)
	}
	if ports == "" {
		return address != ""
	}
	r, ok := parsePorts(ports, "-", p.protocol)
	a.ToPorts = append(a.ToPorts, r)
	return ok
}

// cutBrackets returns the text in brackets, with the range behind them if there is one,
// and what follows.
func cutBrackets(text string) (inner, rest string, found bool) {
	if !strings.HasPrefix(text, "[") {
		return "", text, false
	}
	inner, rest, found = strings.Cut(text[1:], "]")
	if second, isRange := strings.CutPrefix(rest, "-["); isRange {
		high, behind, closed := strings.Cut(second, "]")
		return inner + "-" + high, behind, closed
	}
	return inner, rest, found
}
