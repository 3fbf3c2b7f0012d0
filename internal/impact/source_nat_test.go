package impact

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestSessionsBroken: a cluster without FTP before one with FTP has no sessions.
func TestSessionsBroken(t *testing.T) {
	a := newAnalyzer(plan(t, ftpAndDNS, ftpAndDNS, busyConnections()))
	ftp, dns := ipvs.Key{Mark: 21, Family: config.IPv4}, ipvs.Key{Mark: 53, Family: config.IPv4}
	assert.Equal(t, 4, a.sessionsBroken([]ipvs.Key{dns, ftp}).Connections)
	assert.Equal(t, Safe, a.sessionsBroken([]ipvs.Key{dns}).Effect)
}

// TestEndOfNATOfOneFamily: the kernel stops translating in the family whose last nat chain is
// deleted.
func TestEndOfNATOfOneFamily(t *testing.T) {
	const four, six = `
clusters:
  - {name: a, mark: 21, vips: [198.51.100.21], ftp: {active-data: {translate: masquerade}}, real-servers: [{address: 10.0.0.11}]}
`, `
  - {name: b, mark: 22, vips: ["2001:db8::21"], ftp: {active-data: {translate: masquerade}}, real-servers: [{address: "fd00::11"}]}
`
	const clusters = len("\nclusters:\n")
	for _, c := range []struct {
		from, to string
		want     []config.Family
	}{
		{four + six, four, []config.Family{config.IPv6}},
		{four + six, four[:clusters] + six, []config.Family{config.IPv4}},
		{four + six, "", []config.Family{config.IPv4, config.IPv6}},
		{four[:clusters] + six, "", []config.Family{config.IPv6}},
		{four, "", []config.Family{config.IPv4}},
		{four, four, nil},
	} {
		before, after := nft.Compile(parse(t, c.from)), &nft.Ruleset{}
		if c.to != "" {
			after = nft.Compile(parse(t, c.to))
		}
		found := compare(before, after)
		var ended []config.Family
		for i := range found.changes {
			if end := found.of(i).natEnd; end != nil {
				ended = append(ended, end.family)
			}
		}
		assert.ElementsMatch(t, c.want, ended)
	}
}
