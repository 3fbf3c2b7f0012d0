package iptables

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A setPacket is a packet to test sets with.
type setPacket struct {
	source, destination, port uint64
	device                    string
}

const tenNet = 10 << 24

func (p setPacket) holds(c conjunct) bool {
	return !slices.ContainsFunc(c, func(m oldconfig.Match) bool {
		in := func(n uint64) bool {
			return slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Low.Low <= n && n <= r.High.Low })
		}
		value := map[oldconfig.Field]uint64{
			oldconfig.Protocol: 6, oldconfig.Source: tenNet + p.source, oldconfig.Destination: tenNet + p.destination,
			oldconfig.DestinationPort: p.port, oldconfig.LaterFragment: 0,
		}[m.Field]
		if m.Field == oldconfig.InDevice {
			return slices.Contains(m.Names, p.device) == m.Not
		}
		return in(value) == m.Not
	})
}

// TestOtherSets compares the alternatives of random sets with a search through their elements:
// each packet fulfils one if it is in the set, and else none.
func TestOtherSets(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	network := func() netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(g.IntN(8))}), 29+g.IntN(4)).Masked()
	}
	within := func(n netip.Prefix, a uint64) bool { return n.Contains(netip.AddrFrom4([4]byte{10, 0, 0, byte(a)})) }
	for range 200 {
		kind := []string{"hash:net,iface", "hash:net,port,net"}[g.IntN(2)]
		r := New()
		require.True(t, r.Set(Words("create", "s", kind), oldconfig.Line{}))
		var members []func(setPacket) bool
		for range g.IntN(6) {
			first, second, port, device := network(), network(), uint64(1+g.IntN(3)), fmt.Sprint("eth", g.IntN(2))
			text := fmt.Sprintf("%s,tcp:%d,%s", first, port, second)
			member := func(p setPacket) bool {
				return within(first, p.source) && within(second, p.destination) && p.port == port
			}
			if kind == "hash:net,iface" {
				text = fmt.Sprintf("%s,%s", first, device)
				member = func(p setPacket) bool { return within(first, p.source) && p.device == device }
			}
			r.Set(Words("add", "s", text), oldconfig.Line{})
			members = append(members, member)
		}
		for _, not := range []bool{false, true} {
			p := &parser{family: 4, sets: &compiler{sets: r.sets}}
			flags := map[string]string{"hash:net,iface": "src,src", "hash:net,port,net": "src,dst,dst"}[kind]
			result := p.setAlternatives("s", flags, not)
			require.Empty(t, result.reason)
			for packet := range setPackets() {
				in := slices.ContainsFunc(members, func(m func(setPacket) bool) bool { return m(packet) })
				count := 0
				for _, c := range result.alternatives {
					if packet.holds(c) {
						count++
					}
				}
				want := 0
				if in != not {
					want = 1
				}
				if !assert.Equal(t, want, count, "%s %v %t", kind, packet, not) {
					return
				}
			}
		}
	}
}

func setPackets() func(func(setPacket) bool) {
	return func(yield func(setPacket) bool) {
		for n := range uint64(8 * 8 * 4 * 3) {
			if !yield(setPacket{n % 8, n / 8 % 8, n / 64 % 4, fmt.Sprint("eth", n/256)}) {
				return
			}
		}
	}
}

// TestOtherElements: elements that lvsmark does not understand, and a direction without a device.
func TestOtherElements(t *testing.T) {
	for element, understood := range map[string]bool{
		"10.0.0.0/8,eth0": true, "10.0.0.0/8,physdev:eth0": false, "10.0.0.0/8,eth+": false, "10.0.0.0/8,": false,
		"10.0.0.0/8,eth0 wildcard": false, "10.0.0.0/8,eth0 nomatch": true,
	} {
		r := New()
		r.Set(Words("create", "s", "hash:net,iface"), oldconfig.Line{})
		words, _ := SplitWords("add s " + element)
		r.Set(words, oldconfig.Line{})
		p := &parser{family: 4, sets: &compiler{sets: r.sets}}
		assert.Equal(t, understood, p.setAlternatives("s", "src,src", false).reason == "", element)
		assert.NotEmpty(t, p.setAlternatives("s", "src,dst", false).reason, element)
	}
}

// TestOtherDeleted: an element with a part in common is deleted.
func TestOtherDeleted(t *testing.T) {
	r := New()
	r.Set(Words("create", "s", "hash:ip,port,net"), oldconfig.Line{})
	r.Set(Words("add", "s", "10.0.0.1-10.0.0.4,tcp:21,10.1.0.0/16"), oldconfig.Line{})
	require.True(t, r.Set(Words("del", "s", "10.0.0.9,tcp:21,10.1.0.0/16"), oldconfig.Line{}) == false)
	assert.Empty(t, r.sets["s"].unknown)
	r.Set(Words("del", "s", "10.0.0.2,tcp:21,10.1.0.0/16"), oldconfig.Line{})
	assert.NotEmpty(t, r.sets["s"].unknown)
}
