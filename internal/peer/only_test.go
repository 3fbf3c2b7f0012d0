package peer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/peer"
)

const someOnly = `clusters:
- {name: a, mark: 21, vips: [198.51.100.21], only: {sources: [10.0.0.0/8], devices: [wan, lan], except-macs: ["02:00:00:00:00:02"]}, ftp: , real-servers: [{address: 10.1.0.1}]}
- {name: b, mark: 22, vips: [198.51.100.22], only: {devices: [dmz]}, ftp: , real-servers: [{address: 10.1.0.2}]}
- {name: c, mark: 23, vips: [198.51.100.23], only: {except-macs: ["02:00:00:00:00:04"]}, ports: [all], real-servers: [{address: 10.1.0.3}]}
- {name: d, mark: 30, vips: [198.51.100.24], only: {devices: [wan]}, ftp: {passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.1.0.3}]}
`

// TestOnly: which devices and link-layer addresses is each director's own; that there are any is
// not. A spec and a plan file of the peer agree about it.
func TestOnly(t *testing.T) {
	own := strings.NewReplacer("wan", "eth0", "lan", "eth9", "dmz", "aaa", "00:02", "00:03", "00:04", "00:05").Replace(someOnly)
	require.NotEqual(t, someOnly, own)
	assert.Empty(t, peer.Compare(parse(t, someOnly), parse(t, own)))
	assert.Empty(t, comparePlan(t, someOnly, own))
	for _, c := range []struct {
		old, changed string
		want         []string
	}{
		{", devices: [wan, lan]", "", []string{"cluster a: devices wan, lan | all devices"}},
		{", except-macs: [\"02:00:00:00:00:02\"]", "", []string{"cluster a: except-macs 02:00:00:00:00:02 | all senders"}},
		{"only: {devices: [dmz]}, ", "", []string{"cluster b: devices dmz | all devices"}},
		{"only: {except-macs: [\"02:00:00:00:00:04\"]}, ", "", []string{"cluster c: except-macs 02:00:00:00:00:04 | all senders"}},
		{"only: {devices: [wan]}, ", "", []string{"cluster d: devices wan | all devices"}},
		{"devices: [dmz]", "except-macs: [\"02:00:00:00:00:02\"]", []string{"cluster b: devices dmz | all devices", "cluster b: all senders | except-macs 02:00:00:00:00:02"}},
	} {
		theirs := strings.Replace(someOnly, c.old, c.changed, 1)
		require.NotEqual(t, someOnly, theirs)
		var found []string
		for _, d := range peer.Compare(parse(t, someOnly), parse(t, theirs)) {
			found = append(found, d.Object+": "+d.Ours+" | "+d.Peer)
		}
		assert.Equal(t, c.want, found)
		assert.Len(t, peer.Compare(parse(t, theirs), parse(t, someOnly)), len(c.want), c.old)
		assert.NotEmpty(t, comparePlan(t, someOnly, theirs), c.old)
		assert.NotEmpty(t, comparePlan(t, theirs, someOnly), c.old)
	}
}
