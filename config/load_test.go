package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func example() *Spec {
	tcp := func(low, high uint16) PortRange { return PortRange{TCP, low, high} }
	return &Spec{
		Clusters: []Cluster{
			{
				Name: "ftp",
				Mark: 21,
				VIPs: SingleAddresses(netip.MustParseAddr("198.51.100.21")),
				FTP: &FTP{
					ControlPorts: []uint16{21},
					PassivePorts: []PortRange{tcp(10000, 20000)},
					Active: &ActiveData{
						Translate: Masquerade,
						Sources:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
						Ports:     []uint16{20},
					},
				},
				VIPDevice:          "eth0",
				Forwarding:         NAT,
				Scheduler:          "wlc",
				Persistence:        5 * time.Minute,
				PersistenceNetmask: 32,
				RealServers:        []RealServer{{Name: "rs1", Address: netip.MustParseAddr("10.0.0.11"), Weight: 1}},
			},
			{
				Name:        "web",
				Mark:        80,
				VIPs:        SingleAddresses(netip.MustParseAddr("198.51.100.80")),
				Ports:       []PortRange{tcp(80, 80), tcp(443, 443), {UDP, 443, 443}},
				Forwarding:  NAT,
				Scheduler:   "wlc",
				Persistence: 5 * time.Minute,
				RealServers: []RealServer{
					{Address: netip.MustParseAddr("10.0.0.11"), Weight: 1},
					{Address: netip.MustParseAddr("10.0.0.12"), Weight: 1, Forwarding: Tunnel, Encapsulation: Encapsulation{Type: GUE, Port: 6080}},
				},
			},
		},
		Director: Director{
			Table:     "lvsmark",
			Bind:      true,
			IPForward: true,
			Timeouts:  Timeouts{TCP: 2 * time.Hour, TCPFin: 2 * time.Minute, UDP: 5 * time.Minute},
			Sysctls:   []Sysctl{{"net.ipv4.vs.expire_nodest_conn", "1"}},
			Sync:      &Sync{SyncBoth, SyncDaemon{"eth1", 1, 1472, netip.MustParseAddr("224.0.0.81"), 8848, 1}},
			VRRP:      &VRRP{Device: "eth0", RouterID: 51, Priority: 150, Peers: addrs("192.0.2.2"), Interval: time.Second, Gateways: []Gateway{{netip.MustParseAddr("10.0.0.1"), "eth1"}}},
		},
	}
}

func TestLoadExample(t *testing.T) {
	spec, notes, err := Load("testdata/example.yaml")
	require.NoError(t, err)
	assert.Empty(t, notes)
	assert.Equal(t, example(), spec)
}

// docs/spec.md shows the file of TestLoadExample.
func TestReferenceShowsExample(t *testing.T) {
	text, err := os.ReadFile("testdata/example.yaml")
	require.NoError(t, err)
	reference, err := os.ReadFile("../docs/spec.md")
	require.NoError(t, err)
	assert.Contains(t, string(reference), "```yaml\n"+string(text)+"```\n")
}

// docs/spec.md has a row for every key of the spec.
func TestReferenceNamesEveryKey(t *testing.T) {
	reference, err := os.ReadFile("../docs/spec.md")
	require.NoError(t, err)
	_, _, err = Parse("f", strings.NewReader(`
x:
clusters:
  - x:
    only: {x: 1}
    ftp: {x: 1, active-data: {x: 1}}
    real-servers: [{x: 1, tunnel: {x: 1}}]
director: {x: 1, ipvs-timeouts: {x: 1}}
`))
	mistakes, ok := errors.AsType[Mistakes](err)
	require.True(t, ok)
	tables := 0
	for _, mistake := range mistakes {
		_, known, found := strings.Cut(mistake.Message, "known keys: ")
		if !found {
			continue
		}
		tables++
		for name := range strings.SplitSeq(known, ", ") {
			assert.Contains(t, string(reference), "| `"+name+"` |")
		}
	}
	assert.Equal(t, 9, tables)
}

func TestLoadUnreadable(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.yaml")
	_, _, err := Load(missing)
	require.EqualError(t, err, "open "+missing+": no such file or directory; write a spec there, or name another file with -c")
	assert.ErrorIs(t, err, os.ErrNotExist)

	_, _, err = Load(dir)
	assert.EqualError(t, err, dir+" is a directory; name a file with -c")

	_, _, err = Load(filepath.Join("testdata", "example.yaml", "x"))
	assert.EqualError(t, err, "open testdata/example.yaml/x: not a directory; name a file that can be read with -c")

	_, _, err = Parse("pipe", iotest.ErrReader(errors.New("broken pipe")))
	assert.EqualError(t, err, "pipe: broken pipe; name a file that can be read with -c")
}

func TestLoadTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.yaml")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, maxBytes+1))
	_, _, err := Load(path)
	assert.EqualError(t, err, path+":1:1: the file is over 64 MB; a spec is far smaller, so name the right file")
}

// Parse stops reading an endless stream after 64 MB.
func TestParseEndless(t *testing.T) {
	endless := &spaces{}
	_, _, err := Parse("zero", endless)
	require.EqualError(t, err, "zero:1:1: the file is over 64 MB; a spec is far smaller, so name the right file")
	assert.LessOrEqual(t, endless.read, maxBytes+1)
}

type spaces struct{ read int }

func (s *spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	s.read += len(p)
	return len(p), nil
}

// TestNotesOnFirstPackets: sloppy_tcp has no effect with marks: first-packet.
func TestNotesOnFirstPackets(t *testing.T) {
	const note = "f:2:67: sysctl net.ipv4.vs.sloppy_tcp changes nothing for the clusters: with marks: first-packet (line 2), a packet in the middle of a connection has no mark; use marks: every-packet if IPVS is to take over such connections"
	for director, want := range map[string][]string{
		"{marks: first-packet, sysctls: {net.ipv4.vs.sloppy_tcp: 1}}": {note},
		"{marks: first-packet, sysctls: {net/ipv4/vs/sloppy_tcp: 1}}": {note},
		"{marks: first-packet, sysctls: {net.ipv4.vs.sloppy_tcp: 0}}": nil,
		"{marks: every-packet, sysctls: {net.ipv4.vs.sloppy_tcp: 1}}": nil,
		"{sysctls: {net.ipv4.vs.sloppy_tcp: 1}}":                      nil,
	} {
		spec, notes, err := Parse("f", strings.NewReader("clusters: [{name: a, mark: 1, vips: [192.0.2.1], ports: [80], real-servers: [{address: 10.0.0.1}]}]\ndirector: "+director+"\n"))
		require.NoError(t, err)
		var got []string
		for _, n := range notes {
			got = append(got, n.String())
		}
		assert.Equal(t, want, got, director)
		assert.Equal(t, strings.Contains(director, "first-packet"), spec.Director.Marks == FirstPacket)
	}
}

// TestReadAll reads a file into one piece of memory, and one whose size is not known beforehand.
func TestReadAll(t *testing.T) {
	read := func(path string) []byte {
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		text, large, err := readAll(file)
		require.NoError(t, err)
		assert.False(t, large)
		return text
	}
	path := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 3<<20)), 0o600))
	text := read(path)
	assert.Len(t, text, 3<<20)
	assert.Equal(t, 3<<20+1, cap(text))

	const unsized = "/proc/self/limits" // a regular file of size 0
	want, err := os.ReadFile(unsized)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(read(unsized)))
}
