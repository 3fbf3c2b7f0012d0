package packets

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSend: the packets of the list arrive, and the kernel accepts them as complete
// packets.
func TestSend(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	need.Kernel(t, 5, 18)
	g, err := New(false)
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	n, err := equivalence.NewNamespace()
	require.NoError(t, err)
	defer n.Close()

	for _, sent := range [][]equivalence.Packet{
		{
			{To: netip.MustParseAddr("198.51.100.1"), Protocol: unix.IPPROTO_TCP, Port: 21},
			{To: netip.MustParseAddr("198.51.100.2"), Protocol: unix.IPPROTO_TCP, Port: 65535},
			{To: netip.MustParseAddr("203.0.113.255"), Protocol: unix.IPPROTO_UDP, Port: 53},
		},
		{
			{To: netip.MustParseAddr("2001:db8::1"), Protocol: unix.IPPROTO_TCP, Port: 21},
			{To: netip.MustParseAddr("2001:db8:ffff::ffff"), Protocol: unix.IPPROTO_TCP, Port: 65535},
			{To: netip.MustParseAddr("fd00:1::"), Protocol: unix.IPPROTO_UDP, Port: 53},
		},
	} {
		t.Run(config.FamilyOf(sent[0].To).String(), func(t *testing.T) { arrives(t, g, n, sent) })
	}
}

func arrives(t *testing.T, g *Generator, n *equivalence.Namespace, sent []equivalence.Packet) {
	t.Helper()
	l, err := NewList(sent, FlagSYN)
	require.NoError(t, err)
	o := equivalence.Observer{Name: "observer", Device: "lo", Priority: 0, Then: "drop", Size: len(sent)}
	require.NoError(t, n.Load(o.Text()))
	require.NoError(t, g.Send(n, l))
	sight, err := o.Seen(n)
	require.NoError(t, err)
	want := map[equivalence.Packet]uint32{}
	for _, p := range sent {
		want[p] = 0
	}
	assert.Equal(t, want, sight.Marks)

	require.NoError(t, n.Load(o.Text()))
	perPacket, err := g.Time(n, l, 1000)
	require.NoError(t, err)
	assert.Positive(t, perPacket)
	sight, err = o.Seen(n)
	require.NoError(t, err)
	assert.Equal(t, want, sight.Marks)
	assert.GreaterOrEqual(t, sight.All, uint64(len(sent)+1000))
}

func TestListOf(t *testing.T) {
	_, err := NewList(nil, FlagSYN)
	require.Error(t, err)
	_, err = NewList(make([]equivalence.Packet, MaxPackets+1), FlagSYN)
	require.Error(t, err)
	_, err = NewList([]equivalence.Packet{{To: netip.MustParseAddr("198.51.100.1")}, {To: netip.MustParseAddr("2001:db8::1")}}, FlagSYN)
	require.ErrorContains(t, err, "the list is of IPv4")
}
