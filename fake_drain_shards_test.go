package lvsmark

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
)

// shardSpec has passive shards, with room for a third real server.
const shardSpec = `
clusters:
- name: ftp
  mark: 21
  vips: [198.51.100.21]
  ftp: {passive-ports: 10000-10299, passive-shards: 3}
  real-servers: [{address: 10.0.0.11, shard: 0}, {address: 10.0.0.12, shard: 1}]
`

func newShardDrainWorld(t *testing.T) *fakeDrain {
	d := &fakeDrain{fakeWorld: newFakeWorld(t)}
	d.applied(shardSpec)
	d.start = d.clock.now
	return d
}

// set sets the connections of 10.0.0.12 in the service of control ports or in its shard.
func (d *fakeDrain) set(mark uint32, active uint32) {
	d.SetConnections(ipvs.Key{Mark: mark, Family: config.IPv4}, netip.MustParseAddr("10.0.0.12"), ipvs.Connections{Active: active})
}

// TestFakeDrainShard: a removed real server gets no new sessions, and keeps its shard with its
// weight until control and data connections have ended. The shard of an added one is marked
// meanwhile.
func TestFakeDrainShard(t *testing.T) {
	d := newShardDrainWorld(t)
	d.set(21, 1)
	d.set(23, 2)
	d.clock.tick = func(time.Time) {
		text := d.String()
		assert.Contains(t, text, "-a -f 21 -r 10.0.0.12:0 -m -w 0\n")
		assert.Contains(t, text, "-a -f 23 -r 10.0.0.12:0 -m -w 1\n")
		assert.Contains(t, text, "-a -f 24 -r 10.0.0.13:0 -m -w 1\n")
		assert.Contains(t, text, "10100-10199 : 0x00000017, 10200-10299 : 0x00000018")
		switch d.after() {
		case 10 * time.Second:
			d.set(21, 0)
		case 20 * time.Second:
			d.set(23, 0)
		}
	}
	next := strings.Replace(shardSpec, "10.0.0.12, shard: 1", "10.0.0.13, shard: 2", 1)
	p, err := d.apply(t.Context(), next, Options{Drain: time.Hour, FailOn: impact.Cuts})
	require.NoError(t, err)
	assert.Equal(t, 20*time.Second, d.after())
	assert.Contains(t, p.String(), "of service fwmark 23 IPv4 # cuts 2 connections of ftp with 10.0.0.12")
	assert.Contains(t, p.String(), "delete element 10100-10199 : 0x00000017 of map ip lvsmark shards_21 # drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1)")
	assert.NotContains(t, d.String(), "10.0.0.12")
	d.settled(next)
}

// TestFakeDrainShardReplaced: a real server that gets the shard of a removed one is added
// after the drain.
func TestFakeDrainShardReplaced(t *testing.T) {
	d := newShardDrainWorld(t)
	d.set(23, 1)
	d.clock.tick = func(time.Time) {
		assert.NotContains(t, d.String(), "-r 10.0.0.13:")
		assert.Contains(t, d.String(), "-a -f 23 -r 10.0.0.12:0 -m -w 1\n")
		if d.after() == 10*time.Second {
			d.set(23, 0)
		}
	}
	next := strings.Replace(shardSpec, "10.0.0.12", "10.0.0.13", 1)
	_, err := d.apply(t.Context(), next, Options{Drain: time.Hour, FailOn: impact.Cuts})
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, d.after())
	d.settled(next)
}

// TestShardImpact: what changes of shards do to sessions.
func TestShardImpact(t *testing.T) {
	for _, c := range []struct {
		name, old, next string
		want            []string
	}{
		{"drained", "shard: 1", "shard: 1, weight: 0", []string{"edit real-server 10.0.0.12:0 -m -w 1 -> 10.0.0.12:0 -m -w 0 of service fwmark 21 IPv4 # drains: no new sessions, and those it has can open data connections; 3 active"}},
		{"scheduler", "ftp: {", "scheduler: sed\n  ftp: {", []string{"safe"}},
		{"marks", "passive-shards: 3", "passive-shards: 3, shard-marks: 101", []string{
			"# drains: new connections to ports 10000-10099 go to fwmark 101 (ftp/0) instead of fwmark 22 (ftp/0)",
			"# cuts 2 connections of ftp with 10.0.0.12",
		}},
		{"another place", "shard: 1", "shard: 2", []string{"# drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1)", "# cuts 2 connections of ftp with 10.0.0.12"}},
		{"none", ", passive-shards: 3", "", []string{"go to fwmark 21 (ftp) instead of fwmark 22 (ftp/0)", "# cuts 5 connections of ftp with 10.0.0.12: an FTP session's next data connection may reach another real server; 2 active"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newShardDrainWorld(t)
			d.set(21, 3)
			d.set(23, 2)
			next := strings.NewReplacer(c.old, c.next).Replace(shardSpec)
			if c.name == "none" {
				next = strings.NewReplacer(", shard: 0", "", ", shard: 1", "").Replace(next)
			}
			p, err := d.plan(t.Context(), next, Options{})
			require.NoError(t, err)
			for _, want := range c.want {
				assert.Contains(t, p.String(), want)
			}
		})
	}
}

// TestShardsRemovedByDrain: sessions begin all the time, and without shards each loses its real
// server, so a drain does not prevent that.
func TestShardsRemovedByDrain(t *testing.T) {
	d := newShardDrainWorld(t)
	d.set(21, 3)
	before := d.String()
	next := strings.NewReplacer(", passive-shards: 3", "", ", shard: 0", "", ", shard: 1", "").Replace(shardSpec)
	_, err := d.apply(t.Context(), next, Options{Drain: time.Hour, FailOn: impact.Cuts})
	_, refused := errors.AsType[*ImpactError](err)
	assert.True(t, refused, "%v", err)
	assert.Equal(t, before, d.String())
}
