package firewall

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestUnionOf: ranges that overlap are joined, others stay; the result is sorted.
func TestUnionOf(t *testing.T) {
	ranges := func(ends ...string) (list []config.AddressRange) {
		for i := 0; i < len(ends); i += 2 {
			list = append(list, config.AddressRange{First: netip.MustParseAddr(ends[i]), Last: netip.MustParseAddr(ends[i+1])})
		}
		return list
	}
	assert.Equal(t, ranges("10.0.0.1", "10.0.0.12", "10.0.0.20", "10.0.0.20"), unionOf(ranges(
		"10.0.0.20", "10.0.0.20", "10.0.0.5", "10.0.0.12", "10.0.0.1", "10.0.0.5", "10.0.0.6", "10.0.0.7",
	)))
	assert.Empty(t, unionOf(nil))
}

// TestByteorder: units of one byte stay as they are.
func TestByteorder(t *testing.T) {
	assert.Equal(t, []byte{1, 2}, byteorder(1)([]byte{1, 2}))
}
