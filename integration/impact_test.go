package integration_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// impactSpec has the clusters ftp and web with the same two real servers.
const impactSpec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21, 198.51.100.31]
    vip-device: wan
    ftp: {passive-ports: 10000-10100}
    scheduler: rr
    real-servers: [{name: one, address: 10.0.0.11}, {name: two, address: 10.0.0.12}]
  - name: web
    mark: 80
    vips: [198.51.100.80]
    vip-device: wan
    ports: [80, udp/80]
    scheduler: rr
    persistence: 0
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
`

// An impactLab is a lab with impactSpec applied, and connections.
type impactLab struct {
	*traffic
	ftp, other, web netip.Addr
}

func newImpactLab(t *testing.T) *impactLab {
	need.IPVS(t)
	need.Programs(t, "ip", "nft")
	l := lab.New(t, lab.Options{Families: []config.Family{config.IPv4}})
	require.NoError(t, l.Apply(impactSpec))
	return &impactLab{
		newTraffic(t, l, 21, 80, 2121, 10001),
		lab.VIP(config.IPv4), netip.MustParseAddr("198.51.100.31"), netip.MustParseAddr("198.51.100.80"),
	}
}

// apply applies the spec and returns the changes that were not safe, with their
// impact.
func (i *impactLab) apply(spec string) []string {
	i.t.Helper()
	require.NoError(i.t, i.lab.WriteSpec(spec))
	return i.changes("apply")
}

func (i *impactLab) changes(verb ...string) []string {
	i.t.Helper()
	output, err := i.lab.Lvsmark(append(verb, "-o", "json")...)
	require.NoError(i.t, err)
	var document struct{ Changes []lvsmark.Change }
	require.NoError(i.t, json.Unmarshal([]byte(output.Text), &document), output.Text)
	var list []string
	for _, c := range document.Changes {
		if c.Impact.Effect != impact.Safe {
			list = append(list, fmt.Sprintf("%s %s: %s", c.Op, c.Kind, c.Impact))
		}
	}
	return list
}

func edit(t *testing.T, spec string, replacements ...string) string {
	t.Helper()
	edited := strings.NewReplacer(replacements...).Replace(spec)
	require.NotEqual(t, spec, edited)
	return edited
}

// TestImpact applies changes of each kind while connections are open, and checks that
// the reported impact is correct.
func TestImpact(t *testing.T) {
	i := newImpactLab(t)
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"safe", i.safe},
		{"weight 0 drains", i.weightDrains},
		{"unmarked drains", i.unmarkedDrains},
		{"moved drains", i.movedDrains},
		{"untranslated drains", i.untranslatedDrains},
		{"removed translation cuts", i.untranslatedCuts},
		{"source-nat turned off", i.sourceNATCuts},
		{"removed persistence cuts", i.persistenceCuts},
		{"removed real server cuts", i.serverCuts},
		{"removed real server cuts UDP flows", i.flowsCut},
		{"removed address cuts", i.addressCuts},
		{"disabled forwarding cuts", i.forwardingCuts},
		{"only changes", i.onlyChanges},
		{"only takes from another cluster", i.onlyTakes},
		{"keys of the director turned on and off", i.switchedSafe},
		{"local clients drain", i.localClientsDrain},
		{"passive ranges change", i.rangesChange},
		{"removed network cuts", i.networkCuts},
		{"all ports drain", i.allPortsDrain},
		{"threshold drains", i.thresholdDrains},
		{"port of a real server cuts", i.portCuts},
		{"scheduler flags drain", i.schedulerFlagsDrain},
		{"one-packet drains", i.onePacketDrains},
	} {
		t.Run(c.name, c.test)
		i.closeAll()
	}
}

// safe applies safe changes one after the other: established connections continue, new
// ones succeed, and a client keeps its real server.
func (i *impactLab) safe(t *testing.T) {
	client := i.client()
	ftp, web := i.mustConnect(i.ftp, 21, client), i.mustConnect(i.web, 80, client)
	spec := impactSpec
	for _, replacements := range [][]string{
		{"vips: [198.51.100.80]", "vips: [198.51.100.80, 198.51.100.81]"},
		{"ports: [80, udp/80]", "ports: [80, 443, udp/80, udp/443]"},
		{"clusters:", "director: {table: marks}\nclusters:"},
		{"clusters:", "clusters:\n  - {name: a, mark: 5, vips: [192.0.2.5], ports: [5], real-servers: [{address: 10.0.0.11}]}\n  - {name: b, mark: 6, vips: [192.0.2.5], ports: [6], real-servers: [{address: 10.0.0.11}]}"},
		{
			"address: 10.0.0.12}", "address: 10.0.0.12, weight: 5}", "scheduler: rr", "scheduler: wrr",
			"persistence: 0", "persistence: 1m", "ftp: {", "persistence: 1h\n    ftp: {", "table: marks", "table: marks, ipvs-timeouts: {tcp: 1h}",
		},
	} {
		spec = edit(t, spec, replacements...)
		assert.Empty(t, i.apply(spec), spec)
		assert.True(t, ftp.isAlive(), spec)
		assert.True(t, web.isAlive(), spec)
		assert.Equal(t, ftp.server, i.mustConnect(i.ftp, 10001, client).server, spec)
		i.mustConnect(i.ftp, 21, i.client())
		i.mustConnect(i.web, 80, i.client())
	}
	i.apply(impactSpec)
	assert.True(t, ftp.isAlive())
	assert.True(t, web.isAlive())
}

// onePerServer returns two connections, one to each real server.
func (i *impactLab) onePerServer(vip netip.Addr, port int) map[string]*session {
	i.t.Helper()
	byServer := map[string]*session{}
	for range 4 { // earlier connections may have advanced round robin
		if s := i.mustConnect(vip, port, i.client()); byServer[s.server] == nil {
			byServer[s.server] = s
		}
	}
	require.Len(i.t, byServer, 2)
	return byServer
}
