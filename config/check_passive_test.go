package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPassiveOfServers: behind nat, a real server of two clusters with one control port is one FTP
// server, which has one range of passive ports.
func TestPassiveOfServers(t *testing.T) {
	const text = `clusters:
- {name: a, mark: 21, vips: [192.0.2.1], ftp: {passive-ports: 10000-19999, passive-shards: 4}, real-servers: [{name: x, address: 10.0.0.1, shard: 0}, {name: y, address: 10.0.0.2, shard: 1}, {address: 10.0.0.3, shard: 2}, {address: 10.0.0.4, shard: 3}]}
- {name: b, mark: 31, vips: [192.0.2.2], ftp: {passive-ports: 10000-19999, passive-shards: 4}, real-servers: [{name: x, address: 10.0.0.1, shard: 0}, {name: y, address: 10.0.0.2, shard: 1}, {address: 10.0.0.3, shard: 2}, {address: 10.0.0.4, shard: 3}]}
`
	const reason = ", which has control port 21 too: its FTP server has one range, so data connections of one cluster fail; give it the same ports in both"
	for _, c := range []struct {
		name, old, next string
		want            []string
	}{
		{"the same", "", "", nil},
		{"other shards", "name: y, address: 10.0.0.2, shard: 1}, {address: 10.0.0.3, shard: 2", "name: y, address: 10.0.0.2, shard: 2}, {address: 10.0.0.3, shard: 1", []string{
			`f:3:170: real server y has passive ports 15000-17499 here, and 12500-14999 in cluster "a" (line 2)` + reason,
		}},
		{"more shards", "passive-shards: 4", "passive-shards: 5", []string{
			`no IPv4 real server has shard 4`,
			`real server y has passive ports 12000-13999 here, and 12500-14999 in cluster "a"`,
		}},
		{"direct", "shard: 3}]", "shard: 3}], forwarding: direct", []string{"answers to active data"}},
		{"another control port", "{passive-ports", "{control-ports: [2121], passive-ports", nil},
		{"one port of several", "{passive-ports", "{control-ports: [990, 21], passive-ports", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second, _ := strings.Cut(text, "- {name: b")
			changed := strings.Replace(second, c.old, c.next, 1)
			if c.old != "" {
				require.NotEqual(t, second, changed)
			}
			_, notes := parseValid(t, first+"- {name: b"+changed)
			require.Len(t, notes, len(c.want), notes)
			for i, want := range c.want {
				assert.Contains(t, notes[i], want)
			}
		})
	}
}

// TestPassiveRangesOfServers: the same without shards. One of two ranges that contains the other
// leaves the smaller one for the FTP server.
func TestPassiveRangesOfServers(t *testing.T) {
	for other, want := range map[string]string{
		"10000-19999":              "",
		"12000-13000":              "",
		"1024-65535":               "",
		"[5000-5999, 10000-10999]": "",
		"20000-29999":              "has passive ports 20000-29999 here, and 10000-19999 in cluster",
		"15000-25000":              "has passive ports 15000-25000 here, and 10000-19999 in cluster",
		"[5000-5999, 19000-20000]": "has passive ports 5000-5999, 19000-20000 here, and",
	} {
		_, notes := parseValid(t, `clusters:
- {name: a, mark: 21, vips: [192.0.2.1, '2001:db8::1'], ftp: {passive-ports: 10000-19999}, real-servers: [{address: 10.0.0.1}, {address: 'fd00::1'}]}
- {name: b, mark: 31, vips: [192.0.2.2], ftp: {passive-ports: `+other+`}, real-servers: [{address: 10.0.0.1}, {address: 10.0.0.2}]}
`)
		if want == "" {
			assert.Empty(t, notes, other)
			continue
		}
		require.Len(t, notes, 1, other)
		assert.Contains(t, notes[0], want)
	}
}
