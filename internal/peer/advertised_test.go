package peer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAdvertisedVIP: the same VIPs in another form may have another advertised one, which keepalived
// ignores.
func TestAdvertisedVIP(t *testing.T) {
	spec := func(vips, peer string, priority int) string {
		return fmt.Sprintf(`clusters: [{name: ftp, mark: 21, vips: [%s], ftp: , forwarding: direct, real-servers: [{address: 10.0.0.1}, {address: 'fd00::1'}]}]
director: {vrrp: {device: eth0, router-id: 51, priority: %d, peers: [%s]}}
`, vips, priority, peer)
	}
	compare := func(ours, theirs string) []string {
		return differences(t, spec(ours+", '2001:db8::1'", "192.0.2.2", 150), spec("'2001:db8::1', "+theirs, "192.0.2.1", 100))
	}
	const singles = "198.51.100.22, 198.51.100.23, 198.51.100.40"
	assert.Equal(t, []string{"director.vrrp: advertised VIP 198.51.100.22 here, advertised VIP 198.51.100.40 on the peer: keepalived ignores advertisements of another VIP, so both directors would have the VIPs: write the VIPs in the same form"},
		compare(singles, "198.51.100.22-198.51.100.23, 198.51.100.40"))
	assert.Len(t, compare(singles, "198.51.100.40, 198.51.100.22/31"), 1)
	assert.Empty(t, compare(singles, "198.51.100.40, 198.51.100.23, 198.51.100.22"))
	assert.Empty(t, compare("198.51.100.21, "+singles, "198.51.100.21-198.51.100.23, 198.51.100.40"), "the range has a single address")
	assert.Len(t, compare(singles, "198.51.100.23, 198.51.100.40"), 2, "a VIP that the peer does not have")
}
