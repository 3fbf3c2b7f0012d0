package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestAddressRangesOfOthers: keys that are not addresses have no range.
func TestAddressRangesOfOthers(t *testing.T) {
	element := func(key ...byte) Element {
		return Element{Key: string(netlink.AppendNested(nil, unix.NFTA_SET_ELEM_KEY, func(b []byte) []byte {
			return netlink.AppendAttribute(b, unix.NFTA_DATA_VALUE, key)
		}))}
	}
	assert.Empty(t, (&Set{Elements: []Element{element(0, 21)}}).AddressRanges())
	assert.Len(t, (&Set{Elements: []Element{element(10, 0, 0, 1)}}).AddressRanges(), 1)
}
