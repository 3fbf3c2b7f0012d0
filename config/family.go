package config

import "net/netip"

// A Family is an address family.
type Family uint8

// The families that a cluster may serve.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families returns IPv4 and IPv6, the order in which specs are compiled.
func Families() []Family { return []Family{IPv4, IPv6} }

// FamilyOf returns the family of a valid address that is not IPv4-mapped.
func FamilyOf(addr netip.Addr) Family {
	if addr.Is4() {
		return IPv4
	}
	return IPv6
}

// holds reports whether FamilyOf(addr) is the family.
func (f Family) holds(addr netip.Addr) bool { return FamilyOf(addr) == f }

// String returns "IPv4" or "IPv6".
func (f Family) String() string {
	if f == IPv4 {
		return "IPv4"
	}
	return "IPv6"
}

// Bits returns the width of an address: 32 or 128.
func (f Family) Bits() int {
	if f == IPv4 {
		return 32
	}
	return 128
}
