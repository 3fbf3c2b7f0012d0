package drain

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

const testSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12, weight: 4}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], scheduler: sh, persistence: 0, real-servers: [{name: rs2, address: 10.0.0.12}]}
`

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return spec
}

func bound(marks ...uint32) nft.Ledger {
	l := nft.Ledger{Bound: map[nft.BoundMark]string{}, Drained: map[nft.DrainedServer]int{}}
	for _, mark := range marks {
		l.Bound[nft.BoundMark{Family: config.IPv4, Mark: mark}] = "ftp"
	}
	return l
}

func record(address string) nft.DrainedServer {
	return nft.DrainedServer{Service: nft.BoundMark{Family: config.IPv4, Mark: 21}, Address: netip.MustParseAddr(address)}
}

// TestDrainAndRestore: a drain edits the weight in one cluster and is recorded; a second one
// changes nothing; a restore removes the record.
func TestDrainAndRestore(t *testing.T) {
	spec := parse(t, testSpec)
	for _, name := range []string{"rs2", "10.0.0.12"} {
		servers, err := Find(spec, Name{"ftp", name})
		require.NoError(t, err)
		services := ipvs.Compile(spec)
		before := bound(21, 80)
		w, err := servers.Drain(before, services)
		require.NoError(t, err)
		require.Len(t, w.Changes, 1)
		assert.Equal(t, "10.0.0.12:0 -m -w 0", w.Changes[0].AfterText())
		assert.Equal(t, map[nft.DrainedServer]int{record("10.0.0.12"): 4}, w.Ledger.Drained)
		assert.Empty(t, before.Drained)
		assert.Equal(t, w.Changes, ipvs.Diff(w.Have, w.Want))
		assert.Equal(t, 4, services[0].Destinations[1].Weight, "the services are not changed")

		again, err := servers.Drain(w.Ledger, w.Want)
		require.NoError(t, err)
		assert.Empty(t, again.Changes)
		assert.Equal(t, w.Ledger, again.Ledger)

		back, err := servers.Restore(w.Ledger, w.Want)
		require.NoError(t, err)
		assert.Empty(t, back.Ledger.Drained)
		assert.Equal(t, services[:1], back.Want)
	}
}

// TestDrainFirst drains the first real server of a service.
func TestDrainFirst(t *testing.T) {
	spec := parse(t, testSpec)
	servers, err := Find(spec, Name{"ftp", "rs1"})
	require.NoError(t, err)
	w, err := servers.Drain(bound(21), ipvs.Compile(spec))
	require.NoError(t, err)
	require.Len(t, w.Changes, 1)
	assert.Equal(t, "10.0.0.11:0 -m -w 0", w.Changes[0].AfterText())
}

// TestDrainNotRecorded: with weight 0 in the spec, a drain needs no record.
func TestDrainNotRecorded(t *testing.T) {
	spec := parse(t, strings.Replace(testSpec, "weight: 4", "weight: 0", 1))
	servers, err := Find(spec, Name{"ftp", "rs2"})
	require.NoError(t, err)
	w, err := servers.Drain(bound(21), ipvs.Compile(spec))
	require.NoError(t, err)
	assert.Empty(t, w.Changes)
	assert.Empty(t, w.Ledger.Drained)
}

func TestRefusals(t *testing.T) {
	spec := parse(t, testSpec)
	for name, want := range map[Name]string{
		{"none", "rs1"}: `the spec has no cluster "none": it has ftp, web`,
		{"web", "rs1"}:  `cluster web has no real server "rs1": it has rs2`,
	} {
		_, err := Find(spec, name)
		assert.EqualError(t, err, want)
	}
	_, err := Find(parse(t, testSpec+"director: {bind: false}\n"), Name{"ftp", "rs1"})
	assert.ErrorContains(t, err, "director.bind is false")

	servers, err := Find(spec, Name{"ftp", "rs2"})
	require.NoError(t, err)
	_, err = servers.Drain(bound(21), nil)
	assert.EqualError(t, err, "service fwmark 21 IPv4 is not in the kernel: run `lvsmark apply` first")
	_, err = servers.Drain(bound(80), ipvs.Compile(spec))
	assert.ErrorContains(t, err, "lvsmark did not create service fwmark 21 IPv4")
	services := ipvs.Compile(spec)
	services[0].Destinations = services[0].Destinations[:1]
	_, err = servers.Drain(bound(21), services)
	assert.EqualError(t, err, "real server 10.0.0.12 is not in service fwmark 21 IPv4 of the kernel: run `lvsmark apply` first")
}

func TestRemaining(t *testing.T) {
	spec := parse(t, testSpec)
	servers, err := Find(spec, Name{"ftp", "rs2"})
	require.NoError(t, err)
	services := ipvs.Compile(spec)
	for i := range services[0].Destinations { // rs1 does not count
		services[0].Destinations[i].Connections = ipvs.Connections{Active: 1, Inactive: 2, Persistent: 3}
	}
	r := servers.Remaining(services)
	assert.Equal(t, Remaining{ipvs.Connections{Active: 1, Inactive: 2, Persistent: 3}, 4}, r)
	assert.Equal(t, "1 active connection, 2 inactive, 3 persistence templates", r.String())
	assert.False(t, r.Ended(true))
	r.Connections = ipvs.Connections{Persistent: 1}
	assert.False(t, r.Ended(false))
	assert.True(t, r.Ended(true))
	assert.False(t, Remaining{Connections: ipvs.Connections{Inactive: 1}}.Ended(true))
	assert.True(t, Remaining{}.Ended(false))
	assert.Equal(t, Remaining{}, servers.Remaining(nil))
}

func TestNotes(t *testing.T) {
	spec := parse(t, testSpec)
	services := ipvs.Compile(spec)
	web, err := Find(spec, Name{"web", "rs2"})
	require.NoError(t, err)
	assert.Equal(t, []string{"service fwmark 80 IPv4: scheduler sh does not replace a real server with weight 0: new clients that it assigns to that one are refused; sh-fallback in scheduler-flags replaces it"}, web.Notes(services, true))
	ftp, err := Find(spec, Name{"ftp", "rs2"})
	require.NoError(t, err)
	assert.Empty(t, ftp.Notes(services, false))
	assert.Len(t, ftp.Notes(services, true), 1)
}

// TestNotesOfData: without persistence, the scheduler assigns data connections too, but for those to
// shards.
func TestNotesOfData(t *testing.T) {
	const anew = "service fwmark 21 IPv4: without persistence, scheduler mh assigns each connection anew: data connections of running FTP sessions do not reach this real server"
	const sharded = "ftp: {passive-ports: 10000-19999, passive-shards: 4}, scheduler: mh, persistence: 0"
	for keys, want := range map[string][]string{
		"ftp: , scheduler: mh, persistence: 0":       {anew},
		"ftp: , scheduler: mh":                       nil,
		"ftp: , scheduler: lc, persistence: 0":       nil,
		"ports: [80], scheduler: mh, persistence: 0": nil,
		sharded:                          nil,
		"forwarding: direct, " + sharded: {strings.Replace(anew, "data", "active data", 1)},
		"forwarding: direct, " + strings.Replace(sharded, "mh", "lc", 1): nil,
	} {
		spec := parse(t, strings.Replace(testSpec, "ftp: ,", keys+",", 1))
		servers, err := Find(spec, Name{"ftp", "rs2"})
		require.NoError(t, err)
		assert.Equal(t, want, servers.Notes(ipvs.Compile(spec), false), keys)
	}
}

// TestKept: the record of a real server with weight 0 that the changes leave alone stays, and not
// that of one with another weight. A note tells that a real server gets its weight again.
func TestKept(t *testing.T) {
	spec := parse(t, testSpec)
	ledger := bound(21)
	ledger.Drained = map[nft.DrainedServer]int{record("10.0.0.11"): 1, record("10.0.0.12"): 4}
	have := ipvs.Compile(spec)
	have[0].Destinations[1].Weight = 0
	kept, notes := Kept(ledger, have, ipvs.Diff(have, ipvs.Compile(spec)))
	assert.Empty(t, kept)
	assert.Equal(t, []string{"real server 10.0.0.12 of ftp was drained by `lvsmark drain`: apply gives it weight 4 again; weight: 0 in the spec keeps it drained"}, notes)

	kept, notes = Kept(ledger, have, ipvs.Diff(have, have))
	assert.Equal(t, map[nft.DrainedServer]int{record("10.0.0.12"): 4}, kept)
	assert.Empty(t, notes)
	kept, notes = Kept(ledger, have, ipvs.Diff(have, nil))
	assert.Empty(t, kept)
	assert.Empty(t, notes)
}

// TestDrainOfShard: a drain leaves the weight in the service of the shard, and waits for the
// connections there.
func TestDrainOfShard(t *testing.T) {
	spec := parse(t, `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {passive-ports: 10000-19999, passive-shards: 2}
    persistence: 0
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
`)
	servers, err := Find(spec, Name{"ftp", "rs2"})
	require.NoError(t, err)
	w, err := servers.Drain(bound(21, 22, 23), ipvs.Compile(spec))
	require.NoError(t, err)
	require.Len(t, w.Changes, 1)
	assert.Equal(t, uint32(21), w.Changes[0].Service.Mark)
	assert.Equal(t, map[nft.DrainedServer]int{record("10.0.0.12"): 1}, w.Ledger.Drained)

	services := ipvs.Compile(spec)
	shard := services[slices.IndexFunc(services, func(v ipvs.VirtualService) bool { return v.Mark == 23 })]
	shard.Destinations[0].Connections.Active = 1
	r := servers.Remaining(append(w.Want, shard))
	assert.Equal(t, 0, r.Weight)
	assert.False(t, r.Ended(false), "a data connection is left")
}
