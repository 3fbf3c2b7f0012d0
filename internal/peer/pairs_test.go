package peer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/peer"
)

// TestSameAddresses: addresses are compared, whatever list of networks and ranges has them.
func TestSameAddresses(t *testing.T) {
	with := func(text, vips, sources string) string {
		return strings.NewReplacer("vips: [198.51.100.80]", "vips: ["+vips+"]", "name: web,", "name: web, only: {sources: ["+sources+"]},").Replace(text)
	}
	ours := parse(t, with(spec, "198.51.100.32/28", "10.0.0.0/8"))
	assert.Empty(t, peer.Compare(ours, parse(t, with(other, "198.51.100.40/29, 198.51.100.32-198.51.100.39", "10.128.0.0/9, 10.0.0.0/9"))))
	assert.Len(t, peer.Compare(ours, parse(t, with(other, "198.51.100.32/29, 198.51.100.41-198.51.100.47", "10.0.0.0/9"))), 2)
}

// TestOneWay: a backup may accept longer messages than its master sends, and with id 0 it
// receives those of each master.
func TestOneWay(t *testing.T) {
	with := func(text, keys string) string {
		return strings.NewReplacer("role: both, device: eth1, id: 1", keys, "role: both, device: eth2, id: 1", keys).Replace(text)
	}
	compare := func(ours, theirs string) []peer.Difference {
		return peer.Compare(parse(t, with(spec, ours)), parse(t, with(other, theirs)))
	}
	master, backup := "role: master, device: lan, id: 1, maxlen: 1400", "role: backup, device: lan, id: 0, maxlen: 1500"
	assert.Empty(t, compare(master, backup))
	assert.Empty(t, compare(backup, master))

	short := strings.Replace(backup, "1500", "1300", 1)
	assert.Len(t, compare(master, short), 1)
	assert.Len(t, compare(short, master), 1)
	assert.Len(t, compare(strings.Replace(master, "id: 1", "id: 0", 1), strings.Replace(backup, "id: 0", "id: 1", 1)), 1, "a master with id 0")
}
