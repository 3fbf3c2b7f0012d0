package nft

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// The packets of a spec, of one address family: the first packets of connections
// from clients to the VIPs. What is not known of them (source, device, …) makes a
// condition unsure.
type packets struct {
	family Family
	vips   [][]byte // sorted
}

// A part is some of the packets: those to some VIPs, on a range of ports.
type part struct {
	marks     []uint32 // by VIP; shared by all parts of a profile
	vips      bitset
	protocol  config.Protocol
	low, high uint16
	markLost  bool // somebody else has set the mark
}

// packetsOf returns all packets of the spec in the family, in parts by ports.
func packetsOf(spec *config.Spec, family Family) (*packets, []part) {
	profiles := profilesOf(spec, family.ofSpec())
	all := &packets{family: family}
	for _, p := range profiles {
		for _, v := range p.vips {
			all.vips = append(all.vips, v.vip.AsSlice())
		}
	}
	slices.SortFunc(all.vips, bytes.Compare)
	all.vips = slices.CompactFunc(all.vips, bytes.Equal)
	var parts []part
	for _, p := range profiles {
		marks, vips := make([]uint32, len(all.vips)), newBitset(len(all.vips))
		for _, v := range p.vips {
			i, _ := slices.BinarySearchFunc(all.vips, v.vip.AsSlice(), bytes.Compare)
			marks[i] = v.mark
			vips.set(i)
		}
		for _, r := range p.ports {
			parts = append(parts, part{marks: marks, vips: vips, protocol: r.Protocol, low: r.Low, high: r.High})
		}
	}
	return all, parts
}

// span is the range of VIPs, by their number, whose first bytes are within the
// interval.
func (p *packets) span(i interval) (first, end int) {
	n := len(i.low)
	first, _ = slices.BinarySearchFunc(p.vips, i.low, func(vip, low []byte) int { return bytes.Compare(vip[:n], low) })
	for end = first; end < len(p.vips) && bytes.Compare(p.vips[end][:n], i.high) <= 0; end++ {
	}
	return first, end
}

// minus returns what of the part is not in the other.
func (p part) minus(other part) []part {
	low, high := max(p.low, other.low), min(p.high, other.high)
	common := p.vips.and(other.vips)
	if p.protocol != other.protocol || low > high || common.empty() {
		return []part{p}
	}
	var left []part
	if rest := p.vips.without(other.vips); !rest.empty() {
		left = append(left, p.withVIPs(rest))
	}
	if p.low < low {
		left = append(left, p.withVIPs(common).withPorts(p.low, low-1))
	}
	if p.high > high {
		left = append(left, p.withVIPs(common).withPorts(high+1, p.high))
	}
	return left
}

func (p part) equal(other part) bool {
	return &p.marks[0] == &other.marks[0] && p.protocol == other.protocol && p.low == other.low && p.high == other.high &&
		p.markLost == other.markLost && slices.Equal(p.vips, other.vips)
}

func (p part) withVIPs(vips bitset) part { p.vips = vips; return p }

func (p part) withPorts(low, high uint16) part { p.low, p.high = low, high; return p }

func withoutParts(from, gone []part) []part {
	for _, g := range gone {
		var left []part
		for _, p := range from {
			left = append(left, p.minus(g)...)
		}
		from = left
	}
	return from
}

// A bitset is a set of VIPs, by their number. It is not changed once it is shared.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b bitset) and(other bitset) bitset {
	common := make(bitset, len(b))
	for i := range b {
		common[i] = b[i] & other[i]
	}
	return common
}

func (b bitset) or(other bitset) bitset {
	either := make(bitset, len(b))
	for i := range b {
		either[i] = b[i] | other[i]
	}
	return either
}

func (b bitset) without(other bitset) bitset {
	left := make(bitset, len(b))
	for i := range b {
		left[i] = b[i] &^ other[i]
	}
	return left
}

func (b bitset) empty() bool { return b.count() == 0 }

func (b bitset) count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// each yields the members in order.
func (b bitset) each(yield func(int) bool) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(i*64 + bits.TrailingZeros64(word)) {
				return
			}
		}
	}
}
