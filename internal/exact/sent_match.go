package exact

import (
	"fmt"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A place is what a match tests on the path.
type place uint8

const (
	packetField  place = iota // a field of the packet that the client has sent
	dynamicField              // what rules change, or the real server
	holdsNever
	holdsAlways
	unknownField
)

// placed returns what a match tests, in a packet of the path.
func (c *compiler) placed(m *oldconfig.Match) (place, field) {
	f, static := fieldOf(m.Field)
	switch {
	case c.path.sent:
		return c.placedSent(m, f, static)
	case static:
		return packetField, f
	case m.Field == oldconfig.SentByIPVS:
		return always(newSet(m.In).contains(number(0)) != m.Not), 0
	case m.Field == oldconfig.VirtualAddress, m.Field == oldconfig.VirtualPort:
		return holdsNever, 0
	}
	return c.original(m)
}

// placedSent does so for a packet that IPVS sends.
func (c *compiler) placedSent(m *oldconfig.Match, f field, static bool) (place, field) {
	switch {
	case m.Field == oldconfig.SentByIPVS:
		return always(newSet(m.In).contains(number(1)) != m.Not), 0
	case m.Field == oldconfig.VirtualAddress && c.form != unchanged:
		return packetField, destination
	case m.Field == oldconfig.VirtualPort && c.form != unchanged:
		return packetField, destinationPort
	case m.Field == oldconfig.VirtualAddress, m.Field == oldconfig.VirtualPort:
		return holdsNever, 0 // xt_ipvs finds no connection of the packet
	case f == destination && static && c.form != unchanged, f == destinationPort && static && c.form == portChanged:
		return dynamicField, f
	case f == inDevice && static, f == sourceMAC && static:
		return unknownField, f // by the version of the kernel
	case static:
		return packetField, f
	}
	return c.original(m)
}

// original places a test of the connection: its first packet has the same fields. What real servers
// send is also an answer, in the other direction: then the result is not known.
func (c *compiler) original(m *oldconfig.Match) (place, field) {
	f, is := originalField(m.Field)
	switch {
	case !is:
		return dynamicField, 0
	case c.path.outgoing && !c.path.sent:
		return unknownField, 0
	}
	return packetField, f
}

// originalField returns the field of the first packet of the connection that a match tests; false if
// it tests none.
func originalField(of oldconfig.Field) (f field, is bool) {
	switch of {
	case oldconfig.OriginalSource:
		return source, true
	case oldconfig.OriginalDestination:
		return destination, true
	case oldconfig.OriginalDestinationPort:
		return destinationPort, true
	}
	return 0, false
}

func always(holds bool) place {
	if holds {
		return holdsAlways
	}
	return holdsNever
}

func ofConnection(f oldconfig.Field) bool {
	_, is := originalField(f)
	return is
}

// isTracked returns the test that a packet has a connection whose original direction is its
// own.
func (c *compiler) isTracked(r *oldconfig.Rule, m *oldconfig.Match) *dynamicTest {
	return c.dynamicTest("tracked", &dynamicTest{field: tracked, origin: r, text: m.Text})
}

// ofServer compiles a test of the destination of a packet that IPVS has changed.
func (c *compiler) ofServer(f field, r *oldconfig.Rule, m *oldconfig.Match) (d *dynamicTest, holds bool) {
	at, width := serverAddress, c.family.Bits()
	if f == destinationPort {
		at, width = serverPort, 16
	}
	values := newSet(m.In).intersect(set{maximum(width)})
	if m.Not {
		values = values.complement(maximum(width))
	}
	return c.dynamicTest(fmt.Sprint("server ", at, values), &dynamicTest{field: at, values: values, origin: r, text: m.Text}), len(values) > 0
}
