package exact

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Values of fields for examples, where the rules leave a choice.
func preferred(f field, family oldconfig.Family, p path) oldconfig.Number {
	if client := destination; !p.toLocal && f == client {
		f = source
	}
	switch {
	case f == source && family == 4:
		return addressNumber(netip.MustParseAddr("192.0.2.1"))
	case f == source:
		return addressNumber(netip.MustParseAddr("2001:db8::1"))
	case f == destination && family == 4:
		return addressNumber(netip.MustParseAddr("203.0.113.1"))
	case f == destination:
		return addressNumber(netip.MustParseAddr("2001:db8:1::1"))
	case f == sourcePort:
		return number(40000)
	case f == destinationPort:
		return number(1)
	case f == sourceType:
		return number(Unicast)
	}
	return oldconfig.Number{}
}

// example returns values of a packet of the box: the lowest of each field, or another one
// if that is unusual.
func (b box) example(family oldconfig.Family, p path) (v [fields]oldconfig.Number) {
	for f := range fields {
		v[f] = b[f].Low
		isZero := v[f] == oldconfig.Number{}
		chosen := preferred(f, family, p)
		if isZero && (set{b[f]}).contains(chosen) {
			v[f] = chosen
		}
	}
	if b[sourcePort].Low == number(ftpDataPort) && b[sourcePort].High != number(ftpDataPort) {
		v[sourcePort] = number(ftpDataPort + 1) // IPVS does not schedule port 20
	}
	return v
}

func (l *leaf) packet(r run) Packet {
	return packetOf(l.box.example(l.family, l.path), l.family, l.devices, r.state)
}

func (c *comparison) unproven(rule *oldconfig.Rule, reason string, p Packet) {
	key := fmt.Sprintf("%p %s", rule, reason)
	if !c.seen[key] {
		c.seen[key] = true
		c.result.Unproven = append(c.result.Unproven, Unproven{rule, reason, p})
	}
}

func (l *leaf) notProven(rule *oldconfig.Rule, reason string, r run) {
	l.unproven(rule, reason, l.packet(r))
}

// difference adds a difference of its kind, unless there is one. end is how the packets end.
func (l *leaf) difference(r run, end [2]outcome) {
	if l.isListed(l.describe(end[0], end[1]), end) {
		return
	}
	p := l.packet(r)
	old, new := l.treatment(0, p, r), l.treatment(1, p, r)
	l.add(l.describe(old.end, new.end), p, nil, old, new)
}

func (l *leaf) joinedDifference(side int, earlier Packet, r run, end [2]outcome) {
	what := "persistence joins two connections of a client " + []string{"before, not after", "after, not before"}[side]
	if l.isListed(what, end) {
		return
	}
	p := l.packet(r)
	l.add(what, p, &earlier, l.treatment(0, p, r), l.treatment(1, p, r))
}

// isListed reports whether the kind of difference is known, or the list is full. It saves the
// treatment, which runs all rules.
func (l *leaf) isListed(what string, end [2]outcome) bool {
	key := differenceKey(what, end[0].served(), end[1].served())
	if l.seen[key] {
		return true
	}
	if len(l.result.Differences) < maxDifferences {
		return false
	}
	l.seen[key] = true
	l.result.Truncated++
	return true
}

func differenceKey(what string, old, new *oldconfig.Service) string {
	return fmt.Sprintf("%s %p %p", what, old, new)
}

// served returns the service that takes the packet, or nil.
func (o outcome) served() *oldconfig.Service {
	if o.by == nil {
		return nil
	}
	return o.by.Service
}

// A treated is a Treatment with its outcome.
type treated struct {
	Treatment
	end outcome
}

func (l *leaf) add(what string, p Packet, second *Packet, old, new treated) {
	key := differenceKey(what, old.Service, new.Service)
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	l.result.Differences = append(l.result.Differences, Difference{Kind: what, Packet: p, Second: second, Old: old.Treatment, New: new.Treatment})
}

// treatment runs the complete program of a side for one packet.
func (l *leaf) treatment(side int, p Packet, r run) treated {
	l.followed++
	return l.machine(r, side).follow(l.compiler, l.sides[side], p)
}

// follow runs a complete program for a packet, and records what rules do.
func (m *machine) follow(c *compiler, p *program, packet Packet) treated {
	var t treated
	m.packet, m.values = &packet, packet.values(c.devices)
	m.observe = func(s Step) { t.Steps = append(t.Steps, s) }
	start, assumed := *m, []Step(nil)
	for t.end = m.run(p); m.asked != nil; t.end = m.run(p) {
		assumed = append(assumed, Step{Rule: m.asked.origin, Effect: m.asked.takenAsFalse()})
		t.Steps = slices.Clone(assumed)
		m.assumed[*m.asked] = false
		*m = start
	}
	t.Mark = m.mark
	t.Service = t.end.served()
	if t.Outcome = t.end.text(c.path); m.isEndless() {
		t.Outcome = "not known: chains jump to others too often"
	}
	return t
}

func (d *dynamicTest) takenAsFalse() string {
	if d.text == trackingName {
		return "is not known, taken as 0"
	}
	return "has a condition that is not understood, taken as not fulfilled: " + d.text
}

// text describes an outcome.
func (o outcome) text(p path) string {
	var text string
	switch o.fate {
	case dropped:
		return "dropped"
	case refused:
		text = "refused by IPVS: the service has no real server for it"
	case serving:
		text = "IPVS: " + o.service + o.sentText()
	default:
		text = "not served by IPVS"
		if !p.toLocal {
			text = "forwarded"
		}
	}
	if o.translated != "" {
		text += "; " + o.translated
	}
	return text
}

// describe names what differs.
func (l *leaf) describe(old, new outcome) string {
	switch {
	case old.fate == dropped:
		return "dropped before, not after"
	case new.fate == dropped:
		return "dropped after, not before"
	case old.fate != new.fate:
		return old.fate.String() + " before, " + new.fate.String() + " after"
	case old.translated != new.translated:
		return "another translation of the address"
	case old.service == new.service && old.dropsSent() != new.dropsSent():
		return "packets to real servers are dropped " + map[bool]string{true: "before, not after", false: "after, not before"}[old.dropsSent()]
	case old.service == new.service && !slices.Equal(old.sent, new.sent):
		return "another source address on the way to real servers"
	case old.by == nil || new.by == nil || old.service == new.service:
		return "treated differently"
	}
	return "served differently: " + strings.Join(parts(old.by, new.by), ", ")
}

func (f fate) String() string {
	return [...]string{passes: "not served", dropped: "dropped", serving: "served", refused: "refused"}[f]
}

// parts names the parts of two services that differ.
func parts(a, b *served) []string {
	var list []string
	add := func(name string, differs bool) {
		if differs {
			list = append(list, name)
		}
	}
	add("scheduler", a.Scheduler != b.Scheduler)
	add("persistence", a.Timeout != b.Timeout || a.Timeout > 0 && (a.Netmask != b.Netmask || a.RawNetmask != b.RawNetmask))
	add("real servers", !slices.Equal(a.servers(0), b.servers(0)))
	if len(list) == 0 {
		return []string{"flags"}
	}
	return list
}
