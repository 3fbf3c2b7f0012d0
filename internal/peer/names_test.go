package peer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/peer"
)

// TestServerNames: drain of the same name must mean the same real server on both directors.
func TestServerNames(t *testing.T) {
	one, two, swapped := "{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}", "{name: b, address: 10.0.0.2}, {name: a, address: 10.0.0.1}", "{name: b, address: 10.0.0.1}, {name: a, address: 10.0.0.2}"
	assert.Empty(t, namesOf(t, one, two))
	assert.Equal(t, []string{
		"real server 10.0.0.1 of cluster ftp: name a here, name b on the peer: commands that name the real server, such as drain, change another one on the peer",
		"real server 10.0.0.2 of cluster ftp: name b here, name a on the peer: commands that name the real server, such as drain, change another one on the peer",
	}, namesOf(t, one, swapped))
	assert.Equal(t, []string{
		"real server 10.0.0.2 of cluster ftp: name b here, none on the peer: commands that name the real server, such as drain, need another name on the peer",
	}, namesOf(t, one, "{name: a, address: 10.0.0.1}, {address: 10.0.0.2}"))
}

// TestVIPDevice: the device may have another name; without vrrp both directors need one, or none.
func TestVIPDevice(t *testing.T) {
	text := func(device string) string {
		return strings.Replace(servers("{address: 10.0.0.1}"), "ftp: ,", "ftp: , "+device, 1)
	}
	assert.Empty(t, differences(t, text("vip-device: lan,"), text("vip-device: wan,")))
	assert.Equal(t, []string{"cluster ftp: vip-device lan here, none on the peer: apply adds the VIPs on one director only, also while the other one has them"},
		differences(t, text("vip-device: lan,"), text("")))
}

func servers(list string) string {
	return "clusters: [{name: ftp, mark: 21, vips: [192.0.2.1], ftp: , real-servers: [" + list + "]}]"
}

func namesOf(t *testing.T, ours, theirs string) []string {
	t.Helper()
	return differences(t, servers(ours), servers(theirs))
}

func differences(t *testing.T, ours, theirs string) (texts []string) {
	t.Helper()
	for _, d := range peer.Compare(parse(t, ours), parse(t, theirs)) {
		texts = append(texts, d.String())
	}
	return texts
}
