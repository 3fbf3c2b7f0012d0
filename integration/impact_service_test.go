package integration_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// schedulerFlagsDrain turns the flags of sh on: by sh-fallback nothing changes while all real
// servers are usable, by sh-port the next connection of a client may reach another one.
func (i *impactLab) schedulerFlagsDrain(t *testing.T) {
	hashed := edit(t, impactSpec, "scheduler: rr\n    persistence: 0", "scheduler: sh\n    persistence: 0")
	assert.Empty(t, i.apply(hashed))
	client := i.client()
	s := i.mustConnect(i.web, 80, client)
	fallback := edit(t, hashed, "scheduler: sh\n", "scheduler: sh\n    scheduler-flags: [sh-fallback]\n")
	assert.Empty(t, i.apply(fallback))
	for range 4 {
		assert.Equal(t, s.server, i.mustConnect(i.web, 80, client).server)
	}
	effects := i.apply(edit(t, fallback, "[sh-fallback]", "[sh-fallback, sh-port]"))
	require.Len(t, effects, 1)
	assert.Regexp(t, "^edit service: drains: a client's next connection may reach another real server", effects[0])
	assert.True(t, s.isAlive())
	reached := map[string]bool{}
	for n := 0; n < manyPorts && len(reached) < 2; n++ {
		reached[i.mustConnect(i.web, 80, client).server] = true
	}
	assert.Len(t, reached, 2)
	i.apply(impactSpec)
	assert.True(t, s.isAlive())
}

// flow opens a flow of UDP to a port of web; it returns nil if no answer comes.
func (i *impactLab) flow(port uint16, answers bool) *session {
	wait := successTimeout
	if !answers {
		wait = failureTimeout
	}
	return i.dial("udp4", i.lab.Client, netip.AddrPortFrom(i.client(), 0), netip.AddrPortFrom(i.web, port), wait)
}

// onePacketDrains: with nat, flows that IPVS knows continue, and new ones get no answers.
func (i *impactLab) onePacketDrains(t *testing.T) {
	flows := edit(t, impactSpec, "clusters:", "clusters:\n  - {name: dns, mark: 53, vips: [198.51.100.80], ports: [udp/2121], scheduler: rr, persistence: 0, real-servers: [{address: 10.0.0.11}]}")
	assert.Empty(t, i.apply(flows))
	s := i.flow(2121, true)
	require.NotNil(t, s)
	effects := i.apply(edit(t, flows, "ports: [udp/2121]", "ports: [udp/2121], one-packet: true"))
	assert.Equal(t, []string{"edit service: drains: answers to new flows come from the addresses of the real servers with nat, which clients refuse"}, effects)
	assert.True(t, s.isAlive())
	assert.Nil(t, i.flow(2121, false))
	assert.Empty(t, i.apply(flows))
	assert.True(t, s.isAlive())
	assert.NotNil(t, i.flow(2121, true))
	i.closeAll()
	i.apply(impactSpec)
}

// TestImpactOfSCTP removes a port of SCTP, and then the real server of an association.
func TestImpactOfSCTP(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 80)
	i := &impactLab{traffic: k.traffic}
	for _, s := range k.lab.Servers {
		k.listenSCTP(s.Host, 2905)
	}
	spec := strings.ReplaceAll(`clusters:
  - {name: sigtran, mark: 7, vips: [VIP], vip-device: wan, ports: [sctp/2905, 80], scheduler: rr, persistence: 0, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
`, "VIP", k.vip.String())
	require.NoError(t, k.lab.Apply(spec))
	assert.NotEmpty(t, k.askSCTP(2905))
	effects := i.apply(edit(t, spec, "sctp/2905, 80", "80"))
	require.NotEmpty(t, effects)
	assert.Regexp(t, `drains: no new connections to .*sctp/2905`, strings.Join(effects, "\n"))
	assert.Empty(t, i.apply(spec))
	reached := map[string]bool{}
	for range 4 {
		reached[k.askSCTP(2905)] = true
	}
	assert.Len(t, reached, 2)
	effects = i.apply(edit(t, spec, ", {address: 10.0.0.12}", ""))
	require.Len(t, effects, 1)
	assert.Regexp(t, `^delete real-server: cuts \d+ connections? of sigtran with 10\.0\.0\.12: \d+ active, \d+ inactive`, effects[0])
	for range 3 {
		assert.Equal(t, "rs1", k.askSCTP(2905))
	}
}
