package sessions

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// A site is a lab with a changing spec: the cluster "ftp" of the sessions, and other
// clusters.
type site struct {
	*lab.Lab
	on        map[change]bool // the changes in the current spec
	next      int             // index of the next harmless change
	applyTime time.Duration   // duration of a re-apply without sessions
	longer    int             // factor of the duration of sessions, on a slow machine
}

func newSite(t *testing.T, opts lab.Options) *site {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "vsftpd", "curl", "lftp")
	// The FTP servers start with a spec of their cluster only.
	opts.Rate = rate
	s := &site{Lab: lab.New(t, opts), on: map[change]bool{otherGone: true}, longer: 1}
	require.NoError(t, s.Apply(s.spec()))
	require.NoError(t, s.StartFTP(21))
	s.smallWindows(t)
	began := time.Now()
	s.reapply(t, otherGone)
	s.applyTime = time.Since(began)
	return s
}

// smallWindows limits TCP buffers: with larger ones, both ends could buffer a whole
// file, but packets must pass the director all the time.
func (s *site) smallWindows(t *testing.T) {
	small := map[string]string{"net.ipv4.tcp_rmem": "4096 16384 16384", "net.ipv4.tcp_wmem": "4096 16384 16384"}
	require.NoError(t, s.Client.Sysctls(small))
	for _, server := range s.Servers {
		require.NoError(t, server.Sysctls(small))
	}
}

func (s *site) spec() string {
	clusters := []string{s.ftp()}
	if !s.on[otherGone] {
		clusters = append(clusters, s.other())
	}
	if s.on[web] {
		clusters = append(clusters, s.cluster("web", "mark: 80", s.vips(31), "ports: [80, 443, udp/443]", "scheduler: rr", s.servers(one(0))))
	}
	if s.on[mail] {
		clusters = append(clusters, s.cluster("mail", "mark: 25", s.vips(32), "ports: [25, 587]", "persistence: 1h", s.servers(one(1))))
	}
	if s.on[manyVIPs] {
		clusters = append(clusters, s.many())
	}
	if s.on[rest] {
		clusters = append(clusters, s.cluster("rest", "mark: 7", s.vips(lab.VIPNumber), "ports: [all]", s.servers(one(1))))
	}
	return "clusters:\n" + strings.Join(clusters, "") + s.director()
}

// ftp returns the cluster of the sessions.
func (s *site) ftp() string {
	vips := s.vips(lab.VIPNumber)
	if s.on[ownVIP] {
		vips = s.vips(lab.VIPNumber, 24)
	}
	servers := []server{{0, 1}, {1, 2}}
	if s.on[ownWeights] {
		servers = []server{{0, 4}, {1, 1}}
	}
	if s.on[ownDrained] {
		servers[0].weight = 0
	}
	if s.on[ownServer] {
		servers = append(servers, server{2, 3})
	}
	if s.on[ownServerGone] {
		servers = servers[1:]
	}
	return s.cluster("ftp", "mark: 21", vips,
		"vip-device: "+lab.OutgoingDevice,
		fmt.Sprintf("ftp: {control-ports: [%s], %s%s}",
			s.pick(ownPort, "21", "21, 2121"), s.ports(), s.activeData()),
		"scheduler: "+s.pick(ownScheduler, "wlc", "rr"),
		s.persistence(),
		s.serversWith(servers, func(place int) string { return s.shard(place) + s.pick(ownThreshold, "", ", upper-threshold: 1000") }))
}

func (s *site) passivePorts() string {
	ports := s.pick(ownRange, "10000-20000", "9000-30000")
	if s.on[ownRanges] {
		ports = "[" + ports + ", 40000-41000]"
	}
	return ports
}

func (s *site) activeData() string {
	if s.Forwarding != config.NAT {
		return ""
	}
	return ", active-data: {translate: masquerade}"
}

// other returns a cluster with the ports of ftp, and so in the same map.
func (s *site) other() string {
	servers := one(2)
	if s.on[otherServer] {
		servers = append(servers, server{0, 1})
	}
	if s.on[otherWeights] {
		servers[0].weight = 7
	}
	vips := s.vips(33)
	if s.on[otherNetwork] {
		vips = strings.TrimSuffix(vips, "]") + `, 198.51.100.64/28, 198.18.0.0/16, "2001:db8:2::/64"]`
	}
	lines := []string{
		"mark: " + s.pick(otherMark, "22", "122"), vips,
		"ftp: {passive-ports: 10000-20000" + s.pick(otherShards, "", ", passive-shards: 4, shard-marks: 600") + s.activeData() + "}",
		"scheduler: " + s.pick(otherScheduler, "rr", "lc"),
		s.servers(servers),
	}
	if s.on[otherOnly] {
		lines = append(lines, `only: {sources: [198.51.100.0/24, "2001:db8:1::/64"]}`)
	}
	if s.on[otherSourceNAT] && s.Forwarding == config.NAT {
		lines = append(lines, "source-nat: masquerade")
	}
	return s.cluster("other", lines...)
}

// many returns a cluster with more VIPs than the map's size, which is fixed.
func (s *site) many() string {
	var vips []string
	for i := range 1100 {
		vips = append(vips, fmt.Sprintf("203.%d.113.%d", i/250, 1+i%250))
	}
	servers := fmt.Sprintf("real-servers: [{address: %s}]", s.address(1, config.IPv4))
	return s.cluster("many", "mark: 99", "vips: ["+strings.Join(vips, ", ")+"]",
		"ftp: {passive-ports: 10000-20000"+s.activeData()+"}", servers)
}

func (s *site) director() string {
	return fmt.Sprintf("director: {%skeep-marks: %t, local-clients: %t, table: %s, marks: %s, ipvs-timeouts: {tcp: %s}, sysctls: {net.ipv4.vs.expire_nodest_conn: %s}}\n",
		s.sync(), s.on[keepMarks], s.on[localClients], s.pick(tableName, "lvsmark", "marks"), s.pick(firstPackets, "every-packet", "first-packet"), s.pick(timeouts, "15m", "2h"), s.pick(sysctl, "1", "0"))
}

func (s *site) cluster(name string, lines ...string) string {
	lines = append(lines, "forwarding: "+s.Forwarding.String())
	return "  - name: " + name + "\n    " + strings.Join(lines, "\n    ") + "\n"
}

// pick returns on if the change is made, else off.
func (s *site) pick(c change, off, on string) string {
	if s.on[c] {
		return on
	}
	return off
}

// vips returns addresses of the client network, in every family.
func (s *site) vips(numbers ...int) string {
	var list []string
	for _, f := range s.Families {
		for _, n := range numbers {
			list = append(list, quoted(lab.Outside(f, n)))
		}
	}
	return "vips: [" + strings.Join(list, ", ") + "]"
}

// A server is a real server of the lab, by its index, with its weight.
type server struct{ place, weight int }

func one(place int) []server { return []server{{place, 1}} }

func (s *site) servers(servers []server) string {
	return s.serversWith(servers, func(int) string { return "" })
}

// serversWith returns real servers with further keys.
func (s *site) serversWith(servers []server, keys func(place int) string) string {
	var list []string
	for _, f := range s.Families {
		for _, server := range servers {
			list = append(list, fmt.Sprintf("{address: %s, weight: %d%s}", quoted(s.address(server.place, f)), server.weight, keys(server.place)))
		}
	}
	return "real-servers: [" + strings.Join(list, ", ") + "]"
}

// address returns the address of a real server. Only the first two exist; clusters and
// servers without sessions use the others.
func (s *site) address(place int, f config.Family) netip.Addr {
	address := s.Servers[0].Address(f)
	for range place {
		address = address.Next()
	}
	return address
}

func quoted(addr netip.Addr) string { return fmt.Sprintf("%q", addr) }
