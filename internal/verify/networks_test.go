package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

const networks = `
clusters:
  - name: web
    mark: 80
    vips: [198.51.100.0/28, 198.51.100.64-198.51.100.79, 203.0.113.0/24, 192.0.2.7, "2001:db8::/64"]
    ports: [80, 443]
    real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]
`

const networkRules = `*mangle
-4 -A PREROUTING -d 198.51.100.0/28 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 1
-4 -A PREROUTING -m iprange --dst-range 198.51.100.64-198.51.100.79 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 1
-4 -A PREROUTING -d 203.0.113.0/24 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 1
-4 -A PREROUTING -d 192.0.2.7 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 1
-6 -A PREROUTING -d 2001:db8::/64 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 1
COMMIT
`

const networkServices = `-A -f 1 -s wlc -p 300
-a -f 1 -r 10.0.0.11:0 -m
-A -f 1 -6 -s wlc -p 300
-a -f 1 -6 -r [fd00::11]:0 -m
`

// TestNetworks: VIPs as networks and ranges.
func TestNetworks(t *testing.T) {
	r := compare(t, networks, networkRules, networkServices)
	assert.Equal(t, "equivalent", r.Answer(), r.Text())
	for from, to := range map[string]string{"198.51.100.79": "198.51.100.78", "203.0.113.0/24": "203.0.112.0/23", "2001:db8::/64": "2001:db8::/65"} {
		r := compare(t, networks, strings.Replace(networkRules, from, to, 1), networkServices)
		assert.Equal(t, "different", r.Answer(), from)
	}
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(networks))
	require.NoError(t, err)
	own, err := Side(parsed)
	require.NoError(t, err)
	r, err = Compare(&oldconfig.Config{Chains: own.Chains, Services: own.Services}, parsed)
	require.NoError(t, err)
	assert.Equal(t, "equivalent", r.Answer(), r.Text())
}
