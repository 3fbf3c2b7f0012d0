package dataplane

import (
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/packets"
)

// A cell is one thing that is measured: what a peer adds to a packet of a stream.
type cell struct {
	peer   peer
	site   site
	stream stream
}

func (c cell) String() string { return fmt.Sprintf("%s, %s, %s", c.peer, c.site, c.stream) }

// where is "the last VIP of 10,000".
func (c cell) where() string {
	return fmt.Sprintf("%s%s of %s", c.site.prefix(), c.stream, measure.Grouped(c.site.vips))
}

// can reports whether the peer marks in the site's family.
func (c cell) can() bool { return c.site.family == config.IPv4 || c.peer.ofIPv6() }

// The same cell with another peer, at another site, or of another stream.
func (c cell) by(p peer) cell    { c.peer = p; return c }
func (c cell) at(s site) cell    { c.site = s; return c }
func (c cell) of(st stream) cell { c.stream = st; return c }

// linearDraws is the number of packets of a random stream where all packets cost
// alike, and much.
const linearDraws = 32

// copies is the number of directors. Where a large table comes to lie in memory
// decides how well it fits into the caches: some stand beside each other.
func (c cell) copies() int {
	if c.site.vips > 1000 && !c.peer.linear() {
		return 3
	}
	return 1
}

func (c cell) list() (*packets.List, error) {
	most := packets.MostPackets
	if c.peer.linear() {
		most = linearDraws
	}
	return packets.NewList(c.stream.list(c.site, most))
}

// measured is a cell that stands ready.
type measured struct {
	generator *packets.Generator
	base      *director   // of the same family
	directors []*director // that take turns
	list      *packets.List
	packets   int // of a measure
	turn      int
}

// aMeasure is how long a measure takes, about; the number of its packets has
// bounds.
const (
	aMeasure     = 20 * time.Millisecond
	leastPackets = 64
	mostPackets  = 40_000
)

// ready finds the number of packets of a measure.
func (m *measured) ready() error {
	perPacket, err := m.generator.Time(m.directors[0].Namespace, m.list, leastPackets)
	if err != nil {
		return err
	}
	m.packets = min(max(int(float64(aMeasure.Nanoseconds())/perPacket), leastPackets), mostPackets)
	return nil
}

// added is the time that a packet takes, less that of the same packets where
// nobody marks, in nanoseconds.
func (m *measured) added() (float64, error) {
	base, err := m.generator.Time(m.base.Namespace, m.list, m.packets)
	if err != nil {
		return 0, err
	}
	marked, err := m.generator.Time(m.directors[m.turn].Namespace, m.list, m.packets)
	m.turn = (m.turn + 1) % len(m.directors)
	return marked - base, err
}
