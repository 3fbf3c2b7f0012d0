package firewall

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A packet of a space.
type packet struct {
	class    int
	protocol config.Protocol
	port     uint16
}

// has reports whether a part has a packet.
func (p part) has(x packet) bool {
	return p.protocol == x.protocol && p.low <= x.port && x.port <= p.high && slices.Contains(slices.Collect(p.classes.each), x.class)
}

func have(parts []part, x packet) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.has(x) })
}

// packets yields all packets to a few classes and ports.
func packets(yield func(packet) bool) {
	for class := range 5 {
		for _, protocol := range []config.Protocol{config.TCP, config.UDP} {
			for port := range uint16(9) {
				if !yield(packet{class, protocol, port}) {
					return
				}
			}
		}
	}
}

func randomPart(r *rand.Rand) part {
	p := part{classes: newBitset(5), protocol: config.TCP, low: uint16(r.IntN(8)), mark: &marking{}}
	p.high = p.low + uint16(r.IntN(9-int(p.low)))
	for class := range 5 {
		if r.IntN(2) == 0 {
			p.classes.set(class)
		}
	}
	if r.IntN(4) == 0 {
		p.protocol = config.UDP
	}
	return p
}

// TestParts compares parts with the packets in them.
func TestParts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for range 3000 {
		a, b, c := randomPart(r), randomPart(r), randomPart(r)
		common := false
		minus, all := a.minus(b), withoutParts([]part{a}, []part{b, c})
		within := a.within(b.classes)
		for x := range packets {
			common = common || a.has(x) && b.has(x)
			assert.Equal(t, a.has(x) && !b.has(x), have(minus, x))
			assert.Equal(t, a.has(x) && !b.has(x) && !c.has(x), have(all, x))
			assert.Equal(t, a.has(x) && slices.Contains(slices.Collect(b.classes.each), x.class), have(within, x))
		}
		assert.Equal(t, common, a.overlaps(b))
		assert.Equal(t, b.classes.and(a.classes).empty(), len(within) == 0)
		for _, p := range slices.Concat(minus, all) {
			assert.False(t, p.classes.empty() && !a.classes.empty(), "an empty part")
			assert.LessOrEqual(t, p.low, p.high)
		}
	}
}

// spaceOf returns a space of the classes with these first addresses, up to the highest
// address.
func spaceOf(family nft.Family, firsts ...string) *space {
	s := newSpace(family, []config.PortRange{{Protocol: config.TCP, Low: 0, High: 8}, {Protocol: config.UDP, Low: 0, High: 8}})
	p := &partition{size: s.size}
	for _, first := range firsts {
		p.start(netip.MustParseAddr(first).AsSlice())
	}
	p.classes(s)
	return s
}

// TestSplits compares splits with the test of each packet: a certain split has the packets
// for which the test holds, an uncertain one has all.
func TestSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	ranges := spaceOf(nft.IPv4, "10.0.0.0", "10.0.0.2", "10.0.0.3", "10.0.1.0", "10.2.0.0")
	single := newSpace(nft.IPv4, ranges.ports)
	var list []netip.Addr
	for _, text := range []string{"10.0.0.0", "10.0.0.2", "10.0.0.3", "10.0.1.0", "10.2.0.0"} {
		list = append(list, netip.MustParseAddr(text))
	}
	single.setAddresses(list)
	certain, uncertain := 0, 0
	for range 4000 {
		s := single
		if r.IntN(2) == 0 {
			s = ranges
		}
		v, at := randomValue(r, s)
		tested, p := randomTest(r, v), randomPart(r)
		got := s.split(v, tested, p)
		may := s.mayHold(v, tested)
		if got.uncertain {
			uncertain++
			assert.Equal(t, []part{p}, got.hits)
			assert.True(t, may)
			continue
		}
		for x := range packets {
			low, high := at(x)
			want := tested.holds(low)
			if !bytes.Equal(low, high) && (v.change == nil || v.prefix != nil) {
				assert.Equal(t, want, tested.holds(high), "not certain")
			}
			assert.Equal(t, p.has(x) && want, have(got.hits, x), "%+v %+v", v, tested)
			if p.has(x) && want {
				certain++
				assert.True(t, may)
			}
		}
	}
	assert.Greater(t, certain, 5000)
	assert.Greater(t, uncertain, 100)
}

// randomValue returns a value and the first and the last bytes that it has in a packet.
func randomValue(r *rand.Rand, s *space) (value, func(packet) (low, high []byte)) {
	switch r.IntN(6) {
	case 0:
		b := []byte{byte(r.IntN(3)), byte(r.IntN(9))}
		return constantValue("c", b), func(packet) ([]byte, []byte) { return b, b }
	case 1:
		return value{kind: protocol, size: 1}, func(x packet) ([]byte, []byte) {
			return []byte{byte(x.protocol)}, []byte{byte(x.protocol)}
		}
	case 2:
		return value{kind: port, size: 2}, func(x packet) ([]byte, []byte) {
			b := binary.BigEndian.AppendUint16(nil, x.port)
			return b, b
		}
	case 3:
		byClass := func(class int) []byte { return []byte{0, byte(class)} }
		return value{kind: perClass, size: 2, byClass: byClass}, func(x packet) ([]byte, []byte) { return byClass(x.class), byClass(x.class) }
	case 4:
		v := value{kind: address, size: 4}.masked(slices.Clone([][]byte{{255, 255, 0, 0}, {255, 255, 255, 0}, {255, 255, 255, 254}, {255, 255, 255, 255}, {0, 0, 0, 3}}[r.IntN(5)]), make([]byte, 4))
		return v, func(x packet) ([]byte, []byte) { return v.apply(s.lowOf(x.class)), v.apply(s.highOf(x.class)) }
	}
	return value{kind: address, size: 4}, func(x packet) ([]byte, []byte) { return s.lowOf(x.class), s.highOf(x.class) }
}

// randomTest returns a test of the value.
func randomTest(r *rand.Rand, v value) test {
	t := test{inverse: r.IntN(3) == 0}
	for range 1 + r.IntN(2) {
		low := make([]byte, v.size)
		switch v.size {
		case 1:
			low[0] = []byte{6, 17, 1}[r.IntN(3)]
		case 2:
			low[1] = byte(r.IntN(9))
		case 4:
			low = []byte{10, byte(r.IntN(3)), byte(r.IntN(2)), byte(r.IntN(5))}
		}
		high := slices.Clone(low)
		high[len(high)-1] += byte(r.IntN(3))
		if v.size == 4 && r.IntN(4) == 0 {
			low, high = low[:2], slices.Clone(low[:2])
		}
		t.within = append(t.within, interval{low, high})
	}
	return t
}

// TestPartitionSort: the starts of classes are sorted, without duplicates, in both families.
func TestPartitionSort(t *testing.T) {
	for family, texts := range map[nft.Family][]string{
		nft.IPv4: {"10.0.0.9", "0.0.0.0", "10.0.0.9", "10.0.0.1", "255.255.255.255"},
		nft.IPv6: {"2001:db8::9", "::", "2001:db8::9", "2001:db8::1", "ffff::"},
	} {
		s := spaceOf(family, texts...)
		assert.Equal(t, 4, s.count)
		var firsts []netip.Addr
		for class := range s.count {
			firsts = append(firsts, s.first(class))
			if class > 0 {
				assert.Equal(t, s.first(class), s.last(class-1).Next())
			}
		}
		assert.True(t, slices.IsSortedFunc(firsts, netip.Addr.Compare))
		assert.Equal(t, filled(s.size, 0xff), s.highOf(s.count-1))
		assert.False(t, s.single())
	}
}

// TestSpan finds the classes of an interval, and whether they are wholly in it.
func TestSpan(t *testing.T) {
	s := spaceOf(nft.IPv4, "0.0.0.0", "10.0.0.0", "10.0.0.8", "10.1.0.0", "11.0.0.0")
	address := func(text string) []byte { return netip.MustParseAddr(text).AsSlice() }
	for _, c := range []struct {
		low, high  []byte
		first, end int
		exact      bool
	}{
		{address("10.0.0.0"), address("10.0.0.7"), 1, 2, true},
		{address("10.0.0.0"), address("10.0.0.6"), 1, 2, false},
		{address("10.0.0.1"), address("10.0.0.7"), 1, 2, false},
		{address("10.0.0.0"), address("10.0.255.255"), 1, 3, true},
		{address("10.0.0.3"), address("10.0.0.9"), 1, 3, false},
		{[]byte{10}, []byte{10}, 1, 4, true},
		{[]byte{10, 0}, []byte{10, 0}, 1, 3, true},
		{[]byte{10, 1, 0}, []byte{10, 1, 0}, 3, 4, false},
		{address("0.0.0.0"), address("255.255.255.255"), 0, 5, true},
		{address("255.255.255.255"), address("255.255.255.255"), 4, 5, false},
	} {
		first, end, exact := s.span(interval{c.low, c.high})
		assert.Equal(t, []any{c.first, c.end, c.exact}, []any{first, end, exact}, "%v to %v", c.low, c.high)
	}
	single := newSpace(nft.IPv4, nil)
	single.setAddresses([]netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")})
	assert.True(t, single.single())
	assert.Equal(t, 2, single.count)
	for text, want := range map[string]int{"10.0.0.0": -1, "10.0.0.1": 0, "10.0.0.2": 1, "10.0.0.3": -1} {
		class, ok := single.class(address(text))
		assert.Equal(t, want >= 0, ok, text)
		if ok {
			assert.Equal(t, want, class)
		}
	}
}

// TestPartEqual: parts that differ in one field are not equal.
func TestPartEqual(t *testing.T) {
	first := part{classes: fullBitset(5), protocol: config.TCP, low: 1, high: 2, clusters: &marking{}, mark: &marking{all: 3}, accepted: []string{"iifname"}}
	assert.True(t, first.equal(first))
	for name, change := range map[string]func(*part){
		"classes":  func(p *part) { p.classes = newBitset(5) },
		"protocol": func(p *part) { p.protocol = config.UDP },
		"low":      func(p *part) { p.low = 0 },
		"high":     func(p *part) { p.high = 3 },
		"later":    func(p *part) { p.later = true },
		"clusters": func(p *part) { p.clusters = &marking{} },
		"mark":     func(p *part) { p.mark = &marking{all: 4} },
		"accepted": func(p *part) { p.accepted = nil },
	} {
		other := first
		change(&other)
		assert.False(t, first.equal(other), name)
	}
}
