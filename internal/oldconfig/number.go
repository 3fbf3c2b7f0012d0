package oldconfig

import (
	"encoding/binary"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// AddressNumber returns an address as a number: 32 bits for IPv4, 128 for IPv6.
func AddressNumber(a netip.Addr) Number {
	if a.Is4() {
		b := a.As4()
		return Number{Low: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return Number{High: binary.BigEndian.Uint64(b[:8]), Low: binary.BigEndian.Uint64(b[8:])}
}

// Address returns the number as an address of the family.
func (n Number) Address(f Family) netip.Addr {
	if f == config.IPv4 {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n.Low))))
	}
	b := binary.BigEndian.AppendUint64(nil, n.High)
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(b, n.Low)))
}

// Addresses returns a range of addresses as in the spec: an address, a network, or LOW-HIGH.
func (r Range) Addresses(f Family) string {
	low, high := r.Low.Address(f), r.High.Address(f)
	if low == high {
		return low.String()
	}
	for bits := low.BitLen(); bits >= 0; bits-- {
		network := netip.PrefixFrom(low, bits).Masked()
		if network.Addr() != low {
			break
		}
		if lastOf(network) == high {
			return network.String()
		}
	}
	return low.String() + "-" + high.String()
}

func lastOf(network netip.Prefix) netip.Addr {
	b := network.Addr().AsSlice()
	for i := network.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// NetworkRange returns the addresses of a network.
func NetworkRange(p netip.Prefix) Range {
	p = p.Masked()
	return Range{AddressNumber(p.Addr()), AddressNumber(lastOf(p))}
}

// Contains reports whether the range contains all numbers of the other.
func (r Range) Contains(other Range) bool {
	return r.Low.Compare(other.Low) <= 0 && other.High.Compare(r.High) <= 0
}

// Intersect returns the numbers that both ranges contain; ok is false if there is none.
func (r Range) Intersect(other Range) (both Range, ok bool) {
	if r.Low.Compare(other.Low) < 0 {
		r.Low = other.Low
	}
	if other.High.Compare(r.High) < 0 {
		r.High = other.High
	}
	return r, r.Low.Compare(r.High) <= 0
}

// Next returns the number after n; 0 after the last one.
func (n Number) Next() Number {
	n.Low++
	if n.Low == 0 {
		n.High++
	}
	return n
}
