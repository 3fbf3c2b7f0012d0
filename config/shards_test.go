package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func shardedSpec(t *testing.T, ftp, servers string) (*Spec, string) {
	t.Helper()
	spec, notes, err := Parse("f", strings.NewReader(`clusters:
- name: ftp
  mark: 21
  vips: [192.0.2.1, '2001:db8::1']
  ftp: {`+ftp+`}
  real-servers: [`+servers+`]
`))
	require.NoError(t, err)
	var text strings.Builder
	for _, n := range notes {
		text.WriteString(n.Message + "\n")
	}
	return spec, text.String()
}

// byPlace is the note about the second of real servers without shard.
const byPlace = "real server 10.0.0.2 has shard 1 by its place in the list: when one before it is removed, 10.0.0.2 gets other ports; write shard: 1 here, and a shard for each other real server, to keep them\n"

const fourHosts = "{address: 10.0.0.1}, {address: 'fd00::1'}, {address: 10.0.0.2, weight: 0, upper-threshold: 9, lower-threshold: 2}, {address: 'fd00::2'}"

func TestShardBindings(t *testing.T) {
	spec, notes := shardedSpec(t, "passive-ports: 2000-2999, passive-shards: 2", fourHosts)
	assert.Equal(t, byPlace, notes)
	c := &spec.Clusters[0]
	assert.Zero(t, c.Persistence)
	assert.Equal(t, []uint32{21, 22, 23}, c.Marks())

	got := c.Bindings(IPv4)
	require.Len(t, got, 3)
	assert.Equal(t, []PortRange{{TCP, 21, 21}}, got[0].Ports)
	assert.Equal(t, c.RealServersOf(IPv4), got[0].RealServers)
	drained := c.RealServersOf(IPv4)[1]
	assert.Zero(t, drained.Weight)
	drained.Weight, drained.UpperThreshold, drained.LowerThreshold = 1, 0, 0
	assert.Equal(t, Binding{c, 23, IPv4, c.VIPsOf(IPv4), []PortRange{{TCP, 2500, 2999}}, []RealServer{drained}, true}, got[2])

	v6 := c.Bindings(IPv6)
	require.Len(t, v6, 3)
	assert.Equal(t, got[1].Ports, v6[1].Ports, "a host has the same shard in both families")
	assert.Equal(t, "fd00::1", v6[1].RealServers[0].Address.String())
}

func TestShardsOfServers(t *testing.T) {
	spec, notes := shardedSpec(t, "passive-ports: 2000-2999, passive-shards: 8, shard-marks: 1021",
		"{address: 10.0.0.1, shard: 3}, {address: 10.0.0.2}, {address: 'fd00::1'}")
	assert.Equal(t, "no IPv4 real server has shards 0, 2, 4 to 7: the ports there have no mark\n"+
		"no IPv6 real server has shards 1 to 7: the ports there have no mark\n"+byPlace, notes)
	b := spec.Clusters[0].Bindings(IPv4)
	require.Len(t, b, 3)
	assert.Equal(t, []uint32{21, 1022, 1024}, []uint32{b[0].Mark, b[1].Mark, b[2].Mark}, "sorted by shard")
	assert.Equal(t, "10.0.0.2", b[1].RealServers[0].Address.String())
}

// TestShardOfTwo: the shard that two real servers have is not the one to write down.
func TestShardOfTwo(t *testing.T) {
	_, notes, err := Parse("f", strings.NewReader(`clusters:
- {name: ftp, mark: 21, vips: [192.0.2.1], ftp: {passive-ports: 2000-2003, passive-shards: 3}, real-servers: [{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3, shard: 1}]}
`))
	assert.ErrorContains(t, err, "10.0.0.3 has the same shard 1 as 10.0.0.2")
	if assert.NotEmpty(t, notes) {
		assert.NotContains(t, fmt.Sprint(notes), "by its place")
		assert.Contains(t, fmt.Sprint(notes), "no IPv4 real server has shard 2")
	}
}

// An answer to active data under direct forwarding has the mark of the control ports.
func TestShardsWithDirect(t *testing.T) {
	spec, _, err := Parse("f", strings.NewReader(`clusters:
- {name: ftp, mark: 21, vips: [192.0.2.1], forwarding: direct, ftp: {passive-ports: 2000-2001, passive-shards: 1}, real-servers: [{address: 10.0.0.1}]}
`))
	require.NoError(t, err)
	b := spec.Clusters[0].Bindings(IPv4)
	assert.Equal(t, []PortRange{{TCP, 20, 21}}, b[0].Ports)
	assert.Equal(t, []PortRange{{TCP, 2000, 2001}}, b[1].Ports)
}

func TestShardPorts(t *testing.T) {
	for _, test := range []struct {
		passive []PortRange
		shards  int
		want    string
	}{
		{[]PortRange{{TCP, 10000, 20000}}, 0, ""},
		{[]PortRange{{TCP, 10000, 20000}}, 8, "10000-11249 11250-12499 12500-13749 13750-14999 15000-16249 16250-17499 17500-18749 18750-20000"},
		{[]PortRange{{TCP, 5000, 5003}}, 4, "5000 5001 5002 5003"},
		{[]PortRange{{TCP, 65530, 65535}}, 3, "65530-65531 65532-65533 65534-65535"},
		{[]PortRange{{TCP, 5000, 5003}, {TCP, 4000, 4001}}, 3, "4000-4001 5000-5001 5002-5003"},
	} {
		var texts []string
		ftp := &FTP{PassivePorts: test.passive, Shards: test.shards}
		for i, r := range ftp.ShardPorts() {
			texts = append(texts, r.String())
			one, ok := ftp.portsOfShard(i)
			assert.True(t, ok)
			assert.Equal(t, r, one)
		}
		if test.shards > 0 {
			_, ok := ftp.portsOfShard(test.shards)
			assert.False(t, ok)
		}
		assert.Equal(t, test.want, strings.Join(texts, " "))
	}
}

func TestShardNotes(t *testing.T) {
	_, notes := shardedSpec(t, "passive-shards: 2", fourHosts)
	assert.Equal(t, "10001 passive ports do not divide by passive-shards 2: the last shard has 5001 ports, the others have 5000\n"+byPlace, notes)
	_, notes = shardedSpec(t, "passive-ports: 2000-2999, passive-shards: 2", strings.ReplaceAll(fourHosts, ".1}", ".1, forwarding: tunnel}"))
	assert.Equal(t, "with passive-shards and tunnel, answers to active data (PORT, EPRT) may reach another real server; clients must use passive data, or set forwarding: nat\n"+byPlace, notes)
	_, notes = shardedSpec(t, "passive-ports: 2000-2999, passive-shards: 2", "{address: 10.0.0.1}, {address: 10.0.0.2, shard: 1}, {address: 'fd00::1'}, {address: 'fd00::2', shard: 1}")
	assert.Empty(t, notes)
	_, notes = shardedSpec(t, "passive-shards: 0", fourHosts)
	assert.Empty(t, notes)
}
