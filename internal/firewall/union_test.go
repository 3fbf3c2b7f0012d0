package firewall

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// addressRanges returns the ranges between pairs of addresses.
func addressRanges(ends ...string) (list []config.AddressRange) {
	for i := 0; i < len(ends); i += 2 {
		list = append(list, config.AddressRange{First: netip.MustParseAddr(ends[i]), Last: netip.MustParseAddr(ends[i+1])})
	}
	return list
}

// TestUnionOf: ranges that overlap are joined, others stay; the result is sorted.
func TestUnionOf(t *testing.T) {
	assert.Equal(t, addressRanges("10.0.0.1", "10.0.0.12", "10.0.0.20", "10.0.0.20"), unionOf(addressRanges(
		"10.0.0.20", "10.0.0.20", "10.0.0.5", "10.0.0.12", "10.0.0.1", "10.0.0.5", "10.0.0.6", "10.0.0.7",
	)))
	assert.Empty(t, unionOf(nil))
}

// TestSetRanges: each address of a small range is a class; a large range is one, but for the
// ranges in it.
func TestSetRanges(t *testing.T) {
	for _, c := range []struct{ ranges, want []config.AddressRange }{
		{addressRanges("10.0.0.1", "10.0.0.3"), addressRanges("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.3")},
		{addressRanges("10.0.0.9", "10.0.0.9", "10.0.0.1", "10.0.0.2"), addressRanges("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.9", "10.0.0.9")},
		{addressRanges("10.1.0.0", "10.2.0.0"), addressRanges("10.1.0.0", "10.2.0.0")},
		{addressRanges("10.1.0.0", "10.2.0.0", "10.1.0.7", "10.1.0.7"), addressRanges("10.1.0.0", "10.1.0.6", "10.1.0.7", "10.1.0.7", "10.1.0.8", "10.2.0.0")},
		{addressRanges("10.1.0.0", "10.2.0.0", "10.1.8.0", "10.3.0.0"), addressRanges("10.1.0.0", "10.1.7.255", "10.1.8.0", "10.2.0.0", "10.2.0.1", "10.3.0.0")},
		{addressRanges("10.1.0.0", "10.2.0.0", "255.255.0.0", "255.255.255.255"), addressRanges("10.1.0.0", "10.2.0.0", "255.255.0.0", "255.255.255.255")},
	} {
		s := newSpace(nft.IPv4, nil)
		s.setRanges(c.ranges)
		var classes []config.AddressRange
		for at := 0; at < len(s.low); at += s.size {
			first, _ := netip.AddrFromSlice(s.low[at : at+s.size])
			last, _ := netip.AddrFromSlice(s.high[at : at+s.size])
			classes = append(classes, config.AddressRange{First: first, Last: last})
		}
		assert.Equal(t, c.want, classes)
		assert.Equal(t, len(c.want), s.count)
	}
}

// TestByteorder: units of one byte stay as they are.
func TestByteorder(t *testing.T) {
	assert.Equal(t, []byte{1, 2}, byteorder(1)([]byte{1, 2}))
}
