package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestOnLoopback: only the devices of the hook change, not its priority.
func TestOnLoopback(t *testing.T) {
	hook := func(device string) []netlink.Attribute {
		data := netlink.AppendAttribute(nil, 1, []byte{0, 0, 0, 0})
		data = netlink.AppendAttribute(data, 2, []byte{0, 0, 0, 10})
		data = netlink.AppendAttribute(data, 3, netlink.AppendText(nil, nftaDeviceName, device))
		return []netlink.Attribute{{Type: 2, Data: []byte("name")}, {Type: 3, Data: data}}
	}
	assert.Equal(t, hook("lo"), onLoopback(hook("wan")))
}
