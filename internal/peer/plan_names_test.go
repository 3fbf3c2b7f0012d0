package peer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const onlySpec = `clusters:
- {name: a, mark: 21, vips: [198.51.100.21], only: {sources: [10.0.0.0/8], devices: [wan, lan], except-macs: ["02:00:00:00:00:02"]}, ftp: , real-servers: [{address: 10.1.0.1}]}
- {name: b, mark: 22, vips: [198.51.100.21], only: {devices: [dmz]}, ftp: , real-servers: [{address: 10.1.0.2}]}
- {name: c, mark: 23, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.1.0.3}, {address: "fd00::3"}]}
- {name: d, mark: 24, vips: [198.51.100.22], ports: [all], only: {except-macs: ["02:00:00:00:00:02", "02:00:00:00:00:04"]}, real-servers: [{address: 10.1.0.3}]}
- {name: e, mark: 30, vips: [198.51.100.23], only: {devices: [wan]}, ftp: {passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.1.0.3}]}
- {name: f, mark: 40, vips: ["2001:db8:1::/64", 172.16.0.0/12], only: {devices: [lan]}, ftp: , real-servers: [{address: 10.1.0.4}, {address: "fd00::4"}]}
- {name: g, mark: 41, vips: ["2001:db8:1::/64"], ftp: , real-servers: [{address: "fd00::5"}]}
`

// TestPlanOfOnly: devices and link-layer addresses are each director's own, in a plan file too; what
// they select is not.
func TestPlanOfOnly(t *testing.T) {
	own := strings.NewReplacer("wan", "eth0", "lan", "eth9", "dmz", "aaa", "00:02\"", "00:03\"", "00:04\"", "00:05\"").Replace(onlySpec)
	assert.NotEqual(t, onlySpec, own)
	assert.Empty(t, comparePlan(t, onlySpec, own))
	for name, edit := range map[string][]string{
		"mark":          {"mark: 22", "mark: 26"},
		"sources":       {"10.0.0.0/8", "10.0.0.0/9"},
		"VIP of only":   {"vips: [198.51.100.22]", "vips: [198.51.100.24]"},
		"marks swapped": {"mark: 21", "mark: 22", "mark: 22", "mark: 21", "{address: 10.1.0.1}", "{address: 10.1.0.2}", "{address: 10.1.0.2}", "{address: 10.1.0.1}"},
		"without only":  {"vips: [198.51.100.23], only: {devices: [eth0]},", "vips: [198.51.100.23],"},
		"shards":        {"passive-shards: 4", "passive-shards: 5"},
	} {
		theirs := strings.NewReplacer(edit...).Replace(own)
		assert.NotEqual(t, own, theirs, name)
		marks := 0
		for _, line := range comparePlan(t, onlySpec, theirs) {
			if strings.HasPrefix(line, "marks: ") {
				marks++
			}
		}
		assert.NotZero(t, marks, name)
	}
}
