package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

func newPortMap() *Set {
	return &Set{Name: "shards", Flags: unix.NFT_SET_MAP | unix.NFT_SET_INTERVAL, KeyType: typeService, KeyLen: 2, DataType: typeMark, DataLen: 4}
}

// TestMergePorts: maps from ports are merged unless a port has different marks in the two.
func TestMergePorts(t *testing.T) {
	ports := func(low, high uint16, mark uint32) PortMark {
		return PortMark{config.PortRange{Protocol: config.TCP, Low: low, High: high}, mark}
	}
	for _, c := range []struct{ next, old, want []PortMark }{
		{[]PortMark{ports(10, 19, 1)}, []PortMark{ports(20, 29, 2)}, []PortMark{ports(10, 19, 1), ports(20, 29, 2)}},
		{[]PortMark{ports(20, 29, 2)}, []PortMark{ports(10, 19, 1), ports(20, 29, 2)}, []PortMark{ports(10, 19, 1), ports(20, 29, 2)}},
		{[]PortMark{ports(10, 65535, 1)}, nil, []PortMark{ports(10, 65535, 1)}},
		{[]PortMark{ports(10, 19, 1)}, []PortMark{ports(10, 19, 2)}, nil},
		{[]PortMark{ports(10, 19, 1)}, []PortMark{ports(19, 20, 1)}, nil},
	} {
		next, old := newPortMap(), newPortMap()
		next.setPortMarks(c.next)
		old.setPortMarks(c.old)
		merged, ok := next.mergePorts(old)
		require.Equal(t, c.want != nil, ok)
		if ok {
			assert.Equal(t, c.want, merged.PortMarks())
		}
	}
}
