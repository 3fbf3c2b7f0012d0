package peer

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

func TestAdvertisements(t *testing.T) {
	one, two, third := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	ours := &config.VRRP{Source: one, Peers: []netip.Addr{two}}
	assert.Empty(t, advertisements(ours, &config.VRRP{Source: two, Peers: []netip.Addr{third, one}}))
	assert.Empty(t, advertisements(ours, &config.VRRP{Peers: []netip.Addr{one}}), "without source")
	assert.Empty(t, advertisements(ours, nil))

	found := advertisements(ours, &config.VRRP{Source: two, Peers: []netip.Addr{third}})
	require.Len(t, found, 1)
	assert.Contains(t, found[0].String(), "source 192.0.2.1 here, peers 192.0.2.3 on the peer")
	found = advertisements(ours, &config.VRRP{Source: one, Peers: []netip.Addr{one}})
	require.Len(t, found, 1, "both have the same address")
	assert.Contains(t, found[0].String(), "peers 192.0.2.2 here, source 192.0.2.1 on the peer")
}
