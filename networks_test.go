package lvsmark

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// networkSpec has VIPs that are networks and ranges, some of which contain VIPs of the other
// specs.
const networkSpec = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.16/28, 198.18.0.0-198.18.4.0, "2001:db8:1::/64"]
    vip-device: vip0
    ftp:
    real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]
director: {bind: false, ip-forward: false}
`

func networkOn(prefix string) hostaddr.Address {
	p := netip.MustParsePrefix(prefix)
	return hostaddr.Address{Device: "vip0", IP: p.Addr(), Bits: p.Bits()}
}

// TestReplacedAddresses: an address that is removed because an added network contains it, or
// the reverse, stays until then. Others are removed first.
func TestReplacedAddresses(t *testing.T) {
	single, outside := vipOn("198.51.100.21"), vipOn("198.51.100.99")
	inner, outer := networkOn("198.51.100.16/28"), networkOn("198.51.100.0/24")
	elsewhere := outer
	elsewhere.Device = "vip1"
	for name, c := range map[string]struct{ added, removed, first []hostaddr.Address }{
		"by a network":               {[]hostaddr.Address{inner}, []hostaddr.Address{single, outside}, []hostaddr.Address{outside}},
		"by an address":              {[]hostaddr.Address{single}, []hostaddr.Address{inner, outside}, []hostaddr.Address{outside}},
		"by a larger network":        {[]hostaddr.Address{outer}, []hostaddr.Address{inner, outside}, nil},
		"the same on another device": {[]hostaddr.Address{elsewhere}, []hostaddr.Address{outer}, []hostaddr.Address{outer}},
		"no networks":                {[]hostaddr.Address{single}, []hostaddr.Address{outside}, []hostaddr.Address{outside}},
	} {
		p := addressPlan{added: c.added, removed: c.removed}
		first, later := p.splitRemoved()
		assert.Equal(t, c.first, first, name)
		assert.Len(t, later, len(c.removed)-len(c.first), name)
	}
}

// TestForeignRoute: a local route of another program serves too, on any device, and delete
// leaves it.
func TestForeignRoute(t *testing.T) {
	w := newFakeWorld(t)
	lo := networkOn("198.51.100.16/28")
	lo.Device = "lo"
	w.AddForeignAddress(lo, 28)
	before := w.String()
	w.applied(networkSpec)
	have, err := w.Addresses()
	require.NoError(t, err)
	for _, a := range have {
		assert.NotEqual(t, networkOn("198.51.100.16/28"), a.Address)
	}
	w.settled(networkSpec)
	w.applied("")
	assert.Equal(t, before, w.String())
}
