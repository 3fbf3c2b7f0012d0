package peer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/peer"
)

const formSpec = `clusters:
- {name: a, mark: 21, vips: [198.51.100.32/28, "2001:db8::/64"], only: {sources: [10.0.0.0/8, "2001:db8:1::/48"]}, ftp: {control-ports: [21, 990], active-data: {source: [10.1.0.0/24, "fd00::/64"]}}, real-servers: [{address: 10.1.0.1}, {address: "fd00::1"}]}
- {name: b, mark: 22, vips: [198.51.100.32/28], ftp: , real-servers: [{address: 10.1.0.2}]}
- {name: c, mark: 23, vips: [198.51.100.80], ports: [8000-8009], real-servers: [{address: 10.1.0.3}]}
- {name: d, mark: 24, vips: [198.51.100.81], ftp: {passive-ports: 10000-10999, passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.1.0.3}]}
- {name: e, mark: 30, vips: [198.51.100.96/27], ports: [udp/53], one-packet: true, persistence: 0, real-servers: [{address: 10.1.0.3}]}
- {name: f, mark: 31, vips: [192.0.2.0/16], ports: [all], real-servers: [{address: 10.1.0.3}]}
`

// TestFormOfPlan: what marks the same packets is no difference in whatever form it is written.
func TestFormOfPlan(t *testing.T) {
	spec := strings.Replace(formSpec, "192.0.2.0/16", "172.16.0.0/12", 1)
	for name, edit := range map[string][]string{
		"client networks":            {"sources: [10.0.0.0/8,", "sources: [10.128.0.0/9, 10.0.0.0/9,"},
		"client networks of IPv6":    {"\"2001:db8:1::/48\"", "\"2001:db8:1:8000::/49\", \"2001:db8:1::/49\""},
		"range of VIPs":              {"198.51.100.32/28", "198.51.100.32-198.51.100.47"},
		"parts of VIPs":              {"198.51.100.32/28", "198.51.100.40/29, 198.51.100.32/29"},
		"parts of many VIPs":         {"172.16.0.0/12", "172.24.0.0/13, 172.16.0.0-172.23.255.255"},
		"parts of VIPs of IPv6":      {"\"2001:db8::/64\"", "\"2001:db8::/65\", \"2001:db8::8000:0:0:0/65\""},
		"sources of active data":     {"source: [10.1.0.0/24, \"fd00::/64\"]", "source: [\"fd00::/65\", 10.1.0.128/25, 10.1.0.0/25, \"fd00::8000:0:0:0/65\"]"},
		"control ports":              {"[21, 990]", "[990, 21]"},
		"ports":                      {"[8000-8009]", "[8005-8009, 8000-8004]"},
		"passive ports":              {"passive-ports: 10000-10999", "passive-ports: [10000-10499, 10500-10999]"},
		"passive ports, not sharded": {"ftp: ,", "ftp: {passive-ports: [15000-20000, 10000-14999]},"},
		"one port of a range":        {"[udp/53]", "[udp/53-53]"},
		"VIPs":                       {"198.51.100.96/27", "198.51.100.112/28, 198.51.100.96-198.51.100.111"},
	} {
		theirs := strings.NewReplacer(edit...).Replace(spec)
		assert.NotEqual(t, spec, theirs, name)
		assert.Empty(t, peer.Compare(parse(t, spec), parse(t, theirs)), name)
		assert.Empty(t, comparePlan(t, spec, theirs), name)
	}
}
