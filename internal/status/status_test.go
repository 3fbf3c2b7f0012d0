package status

import (
	"encoding/json"
	"errors"
	"iter"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

const testSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: {passive-ports: 10000-10199}, real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}, {name: a-long-name-of-a-server, address: 10.0.0.13}, {name: rs6, address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}
`

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return spec
}

// counted returns the services of the spec as the kernel has them.
func counted(spec *config.Spec) (services []ipvs.CountedService) {
	for _, s := range ipvs.Compile(spec) {
		c := ipvs.CountedService{Service: s.Service}
		for _, d := range s.Destinations {
			c.Destinations = append(c.Destinations, ipvs.CountedDestination{Destination: d})
		}
		services = append(services, c)
	}
	return services
}

// changes returns the changes that make the services match the spec.
func changes(spec *config.Spec, services []ipvs.CountedService) []ipvs.Change {
	var have []ipvs.VirtualService
	for _, s := range services {
		have = append(have, s.VirtualService())
	}
	return ipvs.Diff(have, ipvs.Compile(spec))
}

func connections(list ...ipvs.Connection) iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func tcp(vip, server string) ipvs.Connection {
	return ipvs.Connection{Protocol: config.TCP, VIP: netip.MustParseAddrPort(vip), RealServer: netip.MustParseAddrPort(server)}
}

// testInput has a real server of each state.
func testInput(t *testing.T) Input {
	spec := parse(t, testSpec)
	services := counted(spec)
	mark := nft.BoundMark{Family: config.IPv4, Mark: 21}
	ftp := services[0].Destinations
	ftp[0].Connections = ipvs.Connections{Active: 12, Inactive: 3, Persistent: 7}
	ftp[0].Statistics = ipvs.Statistics{
		Totals: ipvs.Counters{Connections: 123, PacketsIn: math.MaxUint64, BytesIn: 1 << 40, BytesOut: 999_949},
		Rates:  ipvs.Counters{Connections: 2, BytesIn: 12_345, BytesOut: 9999},
	}
	ftp[1].Weight = 0
	ftp[2].Weight = 9
	services[0].Destinations = append(ftp, ipvs.CountedDestination{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.99"), Weight: 1}})
	services[1].Destinations = nil // web
	services = append(services, ipvs.CountedService{
		Service:      ipvs.Service{Key: ipvs.Key{Mark: 7, Family: config.IPv4}, SchedName: "rr", Netmask: 32},
		Destinations: []ipvs.CountedDestination{{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.0.0.7"), Weight: 1}}},
	})
	return Input{
		Spec: spec, Services: services, Changes: changes(spec, services),
		Ledger: nft.Ledger{
			Bound:   map[nft.BoundMark]string{mark: "ftp", {Family: config.IPv4, Mark: 7}: "old/1"}, // a shard
			Drained: map[nft.DrainedServer]int{{Service: mark, Address: netip.MustParseAddr("10.0.0.12")}: 1},
		},
		Differences: Differences{Services: 6, Marks: 1},
		Connections: connections(
			tcp("198.51.100.21:10000", "10.0.0.11:10000"), tcp("198.51.100.21:10000", "10.0.0.11:10000"), tcp("198.51.100.21:10199", "10.0.0.11:10199"),
			tcp("198.51.100.21:21", "10.0.0.11:21"), tcp("198.51.100.21:10200", "10.0.0.11:10200"), tcp("198.51.100.80:10001", "10.0.0.11:10001"),
			tcp("198.51.100.21:10001", "10.0.0.12:10001"), // without active connections
		),
	}
}

const testText = `cluster ftp: drained
  server          state   weight active inact persist conn/s  in/s out/s passive
  rs1             in sync      1     12     3       7      2 12.3k  9999      1%
  rs2             drained      0      0     0       0      0     0     0      0%
  # 10.0.0.12:0 -m -w 0; the spec has 10.0.0.12:0 -m -w 1
  a-long-name-of-a-server
                  drifted      9      0     0       0      0     0     0      0%
  # 10.0.0.13:0 -m -w 9; the spec has 10.0.0.13:0 -m -w 1
  10.0.0.99       extra        1      0     0       0      0     0     0
  rs6             in sync      1      0     0       0      0     0     0      0%

cluster web: missing
  server          state   weight active inact persist conn/s  in/s out/s passive
  10.0.0.11       missing      -      0     0       0      0     0     0

cluster old: extra
  # fwmark 7 IPv4: extra
  server          state   weight active inact persist conn/s  in/s out/s passive
  10.0.0.7        extra        1      0     0       0      0     0     0

differences: 1 in nftables, 6 in IPVS (` + "`lvsmark diff`" + ` lists them)
`

func TestText(t *testing.T) {
	r, err := New(testInput(t))
	require.NoError(t, err)
	assert.Equal(t, testText, r.Text(Style{}))
	for _, style := range []Style{{}, {Totals: true}} {
		for line := range strings.Lines(r.Text(style)) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
		}
	}
	assert.Contains(t, r.Text(Style{Totals: true}), "\n  rs1             in sync      1      123      18.4E        0     1.0T     999k\n")
}

// TestInSync: without differences, all states are in sync.
func TestInSync(t *testing.T) {
	spec := parse(t, testSpec)
	r, err := New(Input{Spec: spec, Services: counted(spec)})
	require.NoError(t, err)
	assert.True(t, r.InSync)
	assert.True(t, strings.HasSuffix(r.Text(Style{}), "\nno difference\n"))
	for _, c := range r.Clusters {
		assert.Equal(t, InSync, c.State)
	}
}

// TestWidth: no line has more than 80 columns, with the longest addresses and differences of all
// kinds.
func TestWidth(t *testing.T) {
	spec := parse(t, `
clusters:
  - {name: ftp, mark: 4294967295, vips: ["2001:db8::21"], ftp: , scheduler: mh, scheduler-flags: [mh-fallback, mh-port], real-servers: [{address: "fd00:1111:2222:3333:4444:5555:6666:7777", weight: 65535, forwarding: direct}]}
`)
	services := counted(spec)
	services[0].Timeout, services[0].Destinations[0].Weight = 24*time.Hour, 65534
	r, err := New(Input{Spec: spec, Services: services, Changes: changes(spec, services)})
	require.NoError(t, err)
	r.Differences = Differences{Marks: 1000, Services: 1000, Settings: 10, Addresses: 1000}
	r.SyncFaults = []SyncFault{{config.SyncMasterSetting, "the backup daemon's sockets belong to the device with index 4294967295, and wan1234567890ab has index 1 now; the kernel does not tell it of the master's"}}
	text := r.Text(Style{})
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	assert.Contains(t, text, "IPv6: drifted:\n  #   -f 4294967295 -6 -s mh -p 86400 -b mh-fallback,mh-port;\n  #   the spec has -f 42")
	assert.Contains(t, text, "7777]:0 -g -w 65534;\n  #   the spec has [fd00:")
	assert.Contains(t, text, "backup daemon's sockets belong to the device with index 4294967295, and\n  #   wan1234567890ab has index 1")
	assert.Contains(t, text, "1000 of addresses\n  (`lvsmark diff` lists them)\n")
}

// TestWeight: the largest weight of the kernel, which another program can set, keeps the columns.
func TestWeight(t *testing.T) {
	spec := parse(t, testSpec)
	services := counted(spec)
	services[0].Destinations[0].Weight, services[0].Destinations[1].Weight = math.MaxInt32, 65535
	r, err := New(Input{Spec: spec, Services: services, Changes: changes(spec, services)})
	require.NoError(t, err)
	text := r.Text(Style{})
	assert.Contains(t, text, "\n  rs1             drifted   2.1G      0     0       0      0     0     0      0%\n")
	assert.Contains(t, text, "\n  rs2             drifted  65535      0     0       0      0     0     0      0%\n")
	assert.Contains(t, r.Text(Style{Totals: true}), "\n  rs1             drifted   2.1G        0")
}

// TestUnbound: services of another program are not compared, and may be absent.
func TestUnbound(t *testing.T) {
	bound := parse(t, testSpec)
	r, err := New(Input{Spec: parse(t, testSpec+"director: {bind: false}\n"), Services: counted(bound)[:1]})
	require.NoError(t, err)
	for _, c := range r.Clusters {
		assert.Equal(t, Unbound, c.State)
	}
	assert.Equal(t, 1, *r.Clusters[0].Services[0].RealServers[0].Weight)
	assert.Nil(t, r.Clusters[1].Services[0].RealServers[0].Weight)
}

// TestDriftedService: a service that differs is a line of its own.
func TestDriftedService(t *testing.T) {
	spec := parse(t, testSpec)
	services := counted(spec)
	services[0].SchedName = "rr"
	r, err := New(Input{Spec: spec, Services: services, Changes: changes(spec, services)})
	require.NoError(t, err)
	assert.Equal(t, Drifted, r.Clusters[0].State)
	assert.Contains(t, r.Text(Style{}), "\n  # fwmark 21 IPv4: drifted: -f 21 -s rr -p 300;\n  #   the spec has -f 21 -s wlc -p 300\n")
}

func TestConnectionsUnreadable(t *testing.T) {
	in := testInput(t)
	failure := errors.New("failure")
	in.Connections = func(yield func(ipvs.Connection, error) bool) { yield(ipvs.Connection{}, failure) }
	_, err := New(in)
	assert.ErrorIs(t, err, failure)
	in.Services[0].Destinations[0].Connections.Active = 0
	_, err = New(in)
	assert.NoError(t, err, "not read without connections")
}

// TestSlices: with one mark for each slice of the range, a real server has its slice.
func TestSlices(t *testing.T) {
	spec := parse(t, testSpec)
	b := spec.Bindings(config.IPv4)[0]
	assert.Equal(t, 200, passivePorts(b).count)
	b.Ports = []config.PortRange{{Protocol: config.TCP, Low: 10050, High: 10099}}
	assert.Equal(t, 50, passivePorts(b).count)
	assert.True(t, passivePorts(b).contain(10099))
	assert.False(t, passivePorts(b).contain(10100))
	b.Ports = []config.PortRange{{Protocol: config.TCP, Low: 21, High: 21}}
	assert.Zero(t, passivePorts(b).count)
	low := config.PortRange{Protocol: config.TCP, Low: 1000, High: 1033}
	b.Cluster.FTP.PassivePorts, b.Ports = []config.PortRange{low}, []config.PortRange{low}
	assert.Equal(t, 10, passivePorts(b).count, "FTP servers use no port below 1024")
}

// TestMerged: a real server with several services has one line.
func TestMerged(t *testing.T) {
	c := Cluster{Services: []Service{
		{RealServers: []RealServer{{Address: "10.0.0.1", State: InSync, Active: 1}}},
		{RealServers: []RealServer{{Address: "10.0.0.1", State: Drifted, Active: 2, Passive: &Passive{10, 1}, Totals: ipvs.Counters{BytesIn: 5}}}},
		{RealServers: []RealServer{{Address: "10.0.0.1", State: InSync, Inactive: 4, Passive: &Passive{30, 2}, Totals: ipvs.Counters{BytesIn: 6}}}},
	}}
	rows := c.merged()
	require.Len(t, rows, 1)
	assert.Equal(t, &RealServer{Address: "10.0.0.1", State: Drifted, Active: 3, Inactive: 4, Passive: &Passive{40, 3}, Totals: ipvs.Counters{BytesIn: 11}}, rows[0])
	assert.Equal(t, "7%", rows[0].Passive.share())
	assert.Equal(t, uint32(1), c.Services[0].RealServers[0].Active, "the report is not changed")
}

func TestShort(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 9999: "9999", 10_000: "10.0k", 99_999: "99.9k", 100_000: "100k", 999_999: "999k", 1_000_000: "1.0M",
		12_345_678: "12.3M", 1e9: "1.0G", 1e12: "1.0T", 1e15: "1.0P", 1e18: "1.0E", math.MaxUint64: "18.4E",
	} {
		assert.Equal(t, want, short(n))
	}
	assert.Equal(t, "<1%", (&Passive{Ports: 10_001, Used: 3}).share())
	assert.Equal(t, "100%", (&Passive{Ports: 10, Used: 10}).share())
}

func TestSelect(t *testing.T) {
	r, err := New(testInput(t))
	require.NoError(t, err)
	web, missing := r.Select([]string{"web"})
	assert.Empty(t, missing)
	assert.Equal(t, []Cluster{r.Clusters[1]}, web.Clusters)
	assert.False(t, web.InSync)
	twice, _ := r.Select([]string{"web", "ftp", "web"})
	assert.Equal(t, []Cluster{r.Clusters[1], r.Clusters[0]}, twice.Clusters)
	_, missing = r.Select([]string{"web", "none"})
	assert.Equal(t, "none", missing)
	all, _ := r.Select(nil)
	assert.Same(t, r, all)
}

// TestSelectOfTwoMarks: with another mark in the spec, a name is that of the cluster in the spec
// and of the one in the kernel.
func TestSelectOfTwoMarks(t *testing.T) {
	r := &Report{Clusters: []Cluster{{Name: "ftp", State: Missing}, {Name: "web"}, {Name: "ftp", State: Extra}}}
	selected, _ := r.Select([]string{"ftp"})
	assert.Equal(t, []Cluster{r.Clusters[0], r.Clusters[2]}, selected.Clusters)
}

// TestJSON: lists are never null, and a missing real server has no weight.
func TestJSON(t *testing.T) {
	r, err := New(testInput(t))
	require.NoError(t, err)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "null")
	assert.Contains(t, string(text), `{"address":"10.0.0.11","port":0,"state":"missing","active":0,`)
	assert.Contains(t, string(text), `"packets_in":18446744073709551615`)
	assert.Contains(t, string(text), `"passive":{"ports":200,"used":2}`)
}
