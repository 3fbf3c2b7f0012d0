package lvsmark

import (
	"net/netip"
	"slices"
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
		"that and one of its VIPs":   {[]hostaddr.Address{elsewhere, single}, []hostaddr.Address{outer, inner}, []hostaddr.Address{outer}},
		"no networks":                {[]hostaddr.Address{single}, []hostaddr.Address{outside}, []hostaddr.Address{outside}},
	} {
		p := addressPlan{added: c.added, removed: c.removed}
		first, later := p.splitRemoved()
		assert.Equal(t, c.first, first, name)
		assert.Len(t, later, len(c.removed)-len(c.first), name)
	}
}

// TestReaddFlushed: IPv4 networks are added again if the device loses its last IPv4 address, not if
// it loses another network or keeps an address.
func TestReaddFlushed(t *testing.T) {
	single, first, second := vipOn("198.51.100.21"), networkOn("198.51.100.16/28"), networkOn("198.18.0.0/24")
	ours := func(list ...hostaddr.Address) (locals []hostaddr.Local) {
		for _, a := range list {
			locals = append(locals, hostaddr.Local{Address: a, Ours: true})
		}
		return locals
	}
	six, foreign := networkOn("2001:db8:1::/64"), hostaddr.Local{Address: vipOn("192.0.2.1")}
	for name, c := range map[string]struct {
		have           []hostaddr.Local
		removed, added []hostaddr.Address // added: again
	}{
		"the last address":            {ours(single, first), []hostaddr.Address{single}, []hostaddr.Address{first}},
		"a network":                   {ours(first, second), []hostaddr.Address{second}, nil},
		"not the last address":        {ours(single, vipOn("198.51.100.22"), first), []hostaddr.Address{single}, nil},
		"beside one of other program": {append(ours(single, first), foreign), []hostaddr.Address{single}, nil},
		"IPv6":                        {ours(single, six), []hostaddr.Address{single}, nil},
	} {
		p := addressPlan{removed: slices.Clone(c.removed), reasons: map[hostaddr.Address]string{}}
		desired := map[hostaddr.Address]bool{}
		for _, a := range c.have {
			p.present = append(p.present, a.Address)
			desired[a.Address] = a.Ours && !slices.Contains(c.removed, a.Address)
		}
		p.readdFlushed(&State{addresses: c.have}, desired)
		assert.Equal(t, c.added, p.added, name)
		assert.ElementsMatch(t, slices.Concat(c.removed, c.added), p.removed, name)
		assert.Len(t, p.reasons, len(c.added), name)
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
