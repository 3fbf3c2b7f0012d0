package dataplane

import (
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/packets"
)

// A cell is one measurement: the time that a peer adds to a packet of a stream.
type cell struct {
	peer   peer
	site   site
	stream stream
}

func (c cell) String() string { return fmt.Sprintf("%s, %s, %s", c.peer, c.site, c.stream) }

// where returns text like "the last VIP of 10,000".
func (c cell) where() string {
	return fmt.Sprintf("%s%s of %s", c.site.prefix(), c.stream, measure.Grouped(c.site.vips))
}

// can reports whether the peer supports the site's family.
func (c cell) can() bool { return c.site.family == config.IPv4 || c.peer.ofIPv6() }

// The same cell with another peer, at another site, or of another stream.
func (c cell) by(p peer) cell    { c.peer = p; return c }
func (c cell) at(s site) cell    { c.site = s; return c }
func (c cell) of(st stream) cell { c.stream = st; return c }

// linearDraws is the number of packets of a random stream for peers where all packets
// have the same high cost.
const linearDraws = 32

// copies returns the number of directors. The position of a large table in memory
// changes how well it fits into the caches, so several copies are measured.
func (c cell) copies() int {
	if c.site.vips > 1000 && !c.peer.linear() {
		return 3
	}
	return 1
}

func (c cell) list() (*packets.List, error) {
	most := packets.MaxPackets
	if c.peer.linear() {
		most = linearDraws
	}
	return packets.NewList(c.stream.list(c.site, most), c.stream.flags())
}

// measured is a cell with its directors and packets.
type measured struct {
	generator *packets.Generator
	base      *director   // of the same family
	directors []*director // used in rotation
	list      *packets.List
	packets   int // of a measure
	turn      int
}

// measureTime is the approximate time of a measurement, within limits on the number of
// packets.
const (
	measureTime = 20 * time.Millisecond
	minPackets  = 64
	maxPackets  = 40_000
)

// ready sets the number of packets of a measurement.
func (m *measured) ready() error {
	perPacket, err := m.generator.Time(m.directors[0].Namespace, m.list, minPackets)
	if err != nil {
		return err
	}
	m.packets = min(max(int(float64(measureTime.Nanoseconds())/perPacket), minPackets), maxPackets)
	return nil
}

// overhead returns the time of a packet minus that of the same packet without marks, in
// nanoseconds.
func (m *measured) overhead() (float64, error) {
	base, err := m.generator.Time(m.base.Namespace, m.list, m.packets)
	if err != nil {
		return 0, err
	}
	marked, err := m.generator.Time(m.directors[m.turn].Namespace, m.list, m.packets)
	m.turn = (m.turn + 1) % len(m.directors)
	return marked - base, err
}
