package exact

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// matches compiles the matches of a rule. possible is false if no packet of the path
// fulfils them.
func (c *compiler) matches(r *oldconfig.Rule, list []oldconfig.Match) (tests []test, dynamic []*dynamicTest, possible bool) {
	byField := map[field]set{}
	for i := range list {
		m := &list[i]
		at, f := c.placed(m)
		if at != packetField {
			d, holds := c.dynamicMatch(at, f, r, m)
			if !holds {
				return nil, nil, false
			}
			if d != nil {
				dynamic = append(dynamic, d)
			}
			continue
		}
		if ofConnection(m.Field) {
			dynamic = append(dynamic, c.isTracked(r, m))
		}
		values := c.values(f, m)
		if before, ok := byField[f]; ok {
			values = before.intersect(values)
		}
		byField[f] = values
	}
	tests, possible = c.tests(byField)
	return tests, dynamic, possible
}

// tests returns a test for each field of which some values match.
func (c *compiler) tests(byField map[field]set) (tests []test, possible bool) {
	for f := range fields {
		values, tested := byField[f]
		d := c.domain(f)
		if tested && f == sourcePort && c.path.sent {
			values = values.intersect(single(ftpDataPort).complement(d)) // never scheduled: ip_vs_schedule
		}
		switch {
		case !tested:
		case len(values) == 0:
			return nil, false
		case len(values) == 1 && values[0] == d:
		default:
			tests = append(tests, test{f, c.set(values)})
		}
	}
	return tests, true
}

func (c *compiler) domain(f field) oldconfig.Range {
	return domain(f, c.family, c.devices.last())
}

// values returns the values of a field that fulfil the match.
func (c *compiler) values(f field, m *oldconfig.Match) set {
	d := c.domain(f)
	var values set
	switch f {
	case inDevice, outDevice:
		return c.devices.matched(f, m, c.routed)
	case tcpFlags:
		values = flagValues(m)
	case sourceType:
		values = bitValues(m.In, 4)
	default:
		values = newSet(m.In).intersect(set{d})
	}
	if m.Not {
		values = values.complement(d)
	}
	return values
}

// flagValues returns the values of 8 bits that fulfil the match without its negation.
func flagValues(m *oldconfig.Match) set {
	mask := uint64(m.Mask)
	if mask == 0 {
		mask = 0xff
	}
	wanted := newSet(m.In)
	var list []oldconfig.Range
	for v := range uint64(256) {
		if wanted.contains(number(v & mask)) {
			list = append(list, oldconfig.Range{Low: number(v), High: number(v)})
		}
	}
	return newSet(list)
}

// bitValues returns the numbers of the bits that are set in a range: a match of bits has
// them in Low.
func bitValues(in []oldconfig.Range, n int) set {
	var list []oldconfig.Range
	for bit := range n {
		if slices.ContainsFunc(in, func(r oldconfig.Range) bool { return r.Low.Low>>bit&1 != 0 }) {
			list = append(list, oldconfig.Range{Low: number(uint64(bit)), High: number(uint64(bit))})
		}
	}
	return newSet(list)
}

// dynamicMatch compiles a match that depends on other rules, or on the path alone. holds is
// false if no packet fulfils it; a nil test holds for all packets.
func (c *compiler) dynamicMatch(at place, f field, r *oldconfig.Rule, m *oldconfig.Match) (d *dynamicTest, holds bool) {
	switch {
	case at == holdsNever, at == holdsAlways:
		return nil, at == holdsAlways
	case at == unknownField:
		return c.unknownMatch(r, m), true
	case f == destination || f == destinationPort:
		return c.ofServer(f, r, m)
	}
	switch m.Field {
	case oldconfig.LaterFragment, oldconfig.HasSocket:
		// IPVS gets whole packets. The director's own connections are not compared.
		return nil, newSet(m.In).contains(number(0)) != m.Not
	case oldconfig.DestinationType:
		return nil, c.isDestinationOf(m)
	case oldconfig.State:
		states := bitValues(m.In, stateCount)
		if m.Not {
			states = states.complement(oldconfig.Range{High: number(stateCount - 1)})
		}
		return c.dynamicTest(fmt.Sprint("state ", states), &dynamicTest{field: m.Field, values: states, origin: r, text: m.Text}), len(states) > 0
	case oldconfig.Mark, oldconfig.ConnMark:
		return c.markTest(r, m)
	}
	return c.unknownMatch(r, m), true
}

// isDestinationOf tests the type of the destination, which the path knows.
func (c *compiler) isDestinationOf(m *oldconfig.Match) bool {
	local := slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Low.Low&oldconfig.AddrTypeLocal != 0 })
	other := slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Low.Low&oldconfig.AddrTypeOther != 0 })
	toLocal := c.path.toLocal || c.path.sent && c.form == unchanged
	return (toLocal && local || !toLocal && other) != m.Not
}

func (c *compiler) markTest(r *oldconfig.Rule, m *oldconfig.Match) (d *dynamicTest, holds bool) {
	mask := m.Mask
	if mask == 0 {
		mask = ^uint32(0)
	}
	values := newSet(m.In)
	if m.Not {
		values = values.complement(maximum(32))
	}
	return c.dynamicTest(fmt.Sprint(m.Field, mask, values), &dynamicTest{field: m.Field, mask: mask, values: values, origin: r, text: m.Text}), len(values) > 0
}

func (c *compiler) unknownMatch(r *oldconfig.Rule, m *oldconfig.Match) *dynamicTest {
	key := fmt.Sprintf("unknown %d %s %t %d", c.numberOf(r), m.Text, m.Not, m.Reads)
	return c.dynamicTest(key, &dynamicTest{field: oldconfig.NotUnderstood, origin: r, text: m.Text, reads: m.Reads})
}

func readsOthers(chain *oldconfig.Chain) bool {
	return slices.ContainsFunc(chain.Rules, func(r *oldconfig.Rule) bool {
		for at := r; at != nil; at = at.Then {
			if slices.ContainsFunc(at.Matches, func(m oldconfig.Match) bool { return m.Reads&oldconfig.ReadsOthers != 0 }) {
				return true
			}
		}
		return false
	})
}

func (c *compiler) dynamicTest(key string, d *dynamicTest) *dynamicTest {
	if known := c.dynamic[key]; known != nil {
		return known
	}
	d.id = len(c.dynamic) + 1
	c.dynamic[key] = d
	return d
}
