package host

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestDecodeSocket: an answer without the attribute, as of old kernels, and a short one.
func TestDecodeSocket(t *testing.T) {
	data := make([]byte, 72)
	data[68] = 7
	inode, v6only, err := decodeSocket(netlink.Message{Data: data})
	assert.NoError(t, err)
	assert.Equal(t, uint32(7), inode)
	assert.False(t, v6only)
	_, v6only, err = decodeSocket(netlink.Message{Data: netlink.AppendAttribute(data, 11, []byte{1})})
	assert.NoError(t, err)
	assert.True(t, v6only)
	_, _, err = decodeSocket(netlink.Message{Data: data[:71]})
	assert.ErrorIs(t, err, netlink.ErrMalformed)
}

// TestNoSocketModule: where the kernel has modules, it is asked only if tcp_diag is there.
func TestNoSocketModule(t *testing.T) {
	h := Host{Kernel: "K", Files: fstest.MapFS{"lib/modules/K/modules.builtin": {Data: []byte("kernel/net/ipv4/tcp_diag.ko\n")}, "lib/modules/K/modules.dep": {Data: []byte("kernel/net/ipv4/udp_diag.ko:\n")}}}
	assert.True(t, h.hasLoaded("tcp_diag"))
	if !(&Host{Files: fstest.MapFS{}}).hasLoaded("tcp_diag") { // the kernel of this machine has modules
		only, err := h.onlyIPv6(config.UDP)
		assert.NoError(t, err)
		assert.Nil(t, only)
	}
}
