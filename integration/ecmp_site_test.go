package integration_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// newECMPSite builds the networks: 203.0.112.0/20 are addresses of the client, 192.0.2.0/24 has
// the directors 1 to 3, the real servers from 10 on and the router.
func newECMPSite(t *testing.T) *ecmpSite {
	t.Helper()
	s := &ecmpSite{t: t, client: newEmpty(t), router: newEmpty(t)}
	commands(
		t, s.router, "ip link set lo up", "ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up", "ip address add 192.0.2.254/24 dev br0",
		"ip link add in0 type veth peer name eth0 netns "+s.client.Path(), "ip address add 198.18.0.1/30 dev in0", "ip link set in0 up",
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in0.rp_filter=0 net.ipv4.conf.br0.rp_filter=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0",
		"ip route add 203.0.112.0/20 via 198.18.0.2",
	)
	commands(
		t, s.client, "ip link set lo up", "ip address add 198.18.0.2/30 dev eth0", "ip link set eth0 up",
		"ip route add default via 198.18.0.1", "ip route add local 203.0.112.0/20 dev lo",
	)
	for i := range s.directors {
		s.directors[i] = s.join(1 + i)
	}
	require.Eventually(t, func() bool {
		out, err := s.router.Run("", "ip", "-oneline", "link", "show", "br0")
		return err == nil && strings.Contains(out, "LOWER_UP")
	}, successTimeout, 10*time.Millisecond, "the bridge is not up")
	for i := range s.directors {
		commands(t, s.router, fmt.Sprintf("ip nexthop add id %d via 192.0.2.%[1]d dev br0", 1+i))
	}
	commands(t, s.router, "ip nexthop add id 10 group 1/2/3"+thresholdGroup, "ip nexthop add id 11 group 1/2/3"+resilientGroup)
	for i := range ecmpServers {
		s.addServer(s.join(10+i), fmt.Sprintf("rs%d", i))
	}
	awaitLinks(t, s.client, s.router)
	return s
}

// join adds a host to the network behind the router.
func (s *ecmpSite) join(number int) *equivalence.Namespace {
	s.t.Helper()
	h := newEmpty(s.t)
	commands(
		s.t, s.router, fmt.Sprintf("ip link add port%d type veth peer name eth0 netns %s", number, h.Path()),
		fmt.Sprintf("ip link set port%d master br0 up", number),
	)
	commands(
		s.t, h, "ip link set lo up", fmt.Sprintf("ip address add 192.0.2.%d/24 dev eth0", number),
		"sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0",
		"ip link set eth0 up", "ip route add default via 192.0.2.254",
	)
	return h
}

// addServer answers on the control port and on all passive ports.
func (s *ecmpSite) addServer(h *equivalence.Namespace, name string) {
	s.t.Helper()
	commands(s.t, h, "ip address add "+ecmpVIP+"/32 dev lo")
	require.NoError(s.t, h.Load("table ip ports {\nchain c {\ntype nat hook prerouting priority dstnat\ntcp dport 10000-19999 redirect to :21\n}\n}\n"))
	require.NoError(s.t, h.Do(func() error {
		listener, err := net.Listen("tcp4", ":21")
		if err == nil {
			s.t.Cleanup(func() { _ = listener.Close() })
			go serve(listener, name)
		}
		return err
	}))
}

func (s *ecmpSite) apply(c ecmpConfig) {
	s.t.Helper()
	var servers []string
	for i := range ecmpServers {
		servers = append(servers, fmt.Sprintf("{address: 192.0.2.%d}", 10+i))
	}
	for _, d := range s.directors {
		_, err := d.Run(fmt.Sprintf("clusters:\n  - {name: ftp, mark: 21, vips: [%s], vip-device: lo, ftp: {passive-ports: 10000-19999%s}, %s, real-servers: [%s]}\ndirector: {%s}\n",
			ecmpVIP, c.ftp, c.keys, strings.Join(servers, ", "), c.director), need.Lvsmark(s.t), "-c", "-", "apply")
		require.NoError(s.t, err, c.name)
	}
}

// remove removes the configuration and all connections.
func (s *ecmpSite) remove() {
	s.t.Helper()
	for _, d := range s.directors {
		_, err := d.Run("", need.Lvsmark(s.t), "delete")
		require.NoError(s.t, err)
	}
}
