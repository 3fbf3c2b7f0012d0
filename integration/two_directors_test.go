package integration_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestTwoDirectors has two directors that are the real servers of each other. Without
// except-macs, the other director marks what it gets, and sends it back, until the time to
// live ends. With it, it serves these connections itself.
func TestTwoDirectors(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "sysctl")
	const connections = 6
	for _, c := range []struct {
		name string
		only [2]string
		loop bool
	}{
		{"with except-macs", [2]string{`only: {except-macs: ["02:00:00:00:00:02"]}, `, `only: {except-macs: ["02:00:00:00:00:01"]}, `}, false},
		{"without", [2]string{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDirectors(t)
			for i, only := range c.only {
				d.apply(t, i, only)
			}
			answers, wait := map[string]int{}, successTimeout
			if c.loop {
				wait = failureTimeout // most connections have no answer
			}
			for range connections {
				if name := d.connect(t, wait); name != "" {
					answers[name]++
				}
			}
			t.Logf("answers: %v; packets with SYN from the other director: %d and %d", answers, d.packets(t, 0), d.packets(t, 1))
			if c.loop {
				assert.Greater(t, d.packets(t, 0), 10)
				return
			}
			assert.Equal(t, map[string]int{"0": connections / 2, "1": connections / 2}, answers)
			assert.Zero(t, d.packets(t, 0))
			assert.Equal(t, connections/2, d.connections(t, 1))
		})
	}
}

// directors are two directors and a client in one network. The first one has the VIP.
type directors struct {
	client   *equivalence.Namespace
	director [2]*equivalence.Namespace
}

const sharedVIP = "10.0.0.21"

func newDirectors(t *testing.T) *directors {
	t.Helper()
	d := &directors{client: newEmpty(t)}
	commands(t, d.client, "ip link add br0 type bridge mcast_snooping 0", "ip link set br0 up", "ip address add 10.0.0.9/24 dev br0")
	for i := range d.director {
		d.director[i] = newEmpty(t)
		commands(t, d.client,
			fmt.Sprintf("ip link add port%d type veth peer name eth0 netns %s", i, d.director[i].Path()),
			fmt.Sprintf("ip link set port%d master br0 up", i))
		commands(t, d.director[i],
			"sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.send_redirects=0",
			fmt.Sprintf("ip link set eth0 address 02:00:00:00:00:0%d up", i+1),
			"ip link set lo up",
			fmt.Sprintf("ip address add 10.0.0.%d/24 dev eth0", i+1),
			"ip address add "+sharedVIP+"/32 dev "+[]string{"eth0", "lo"}[i])
		require.NoError(t, d.director[i].Load(fmt.Sprintf(`table inet count {
	set peer { type inet_service; size 65535; flags dynamic; }
	counter peer { }
	chain c {
		type filter hook prerouting priority raw
		ether saddr 02:00:00:00:00:0%d ip daddr %s tcp flags & syn == syn counter name peer add @peer { tcp sport }
	}
}
`, 2-i, sharedVIP)))
		d.serve(t, i)
	}
	awaitLinks(t, d.client, d.director[0], d.director[1])
	return d
}

// awaitLinks waits until the devices of new namespaces pass packets.
func awaitLinks(t *testing.T, namespaces ...*equivalence.Namespace) {
	t.Helper()
	for _, n := range namespaces {
		require.Eventually(t, func() bool {
			out, err := n.Run("", "ip", "-details", "-oneline", "link")
			return err == nil && lab.LinksPass(out)
		}, successTimeout, 10*time.Millisecond)
	}
}

func newEmpty(t *testing.T) *equivalence.Namespace {
	t.Helper()
	n, err := equivalence.NewNamespace()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, n.Close()) })
	return n
}

func commands(t *testing.T, n *equivalence.Namespace, list ...string) {
	t.Helper()
	for _, command := range list {
		words := strings.Fields(command)
		_, err := n.Run("", words[0], words[1:]...)
		require.NoError(t, err, command)
	}
}

// serve answers connections to the VIP with the number of the director.
func (d *directors) serve(t *testing.T, i int) {
	t.Helper()
	require.NoError(t, d.director[i].Do(func() error {
		listener, err := net.Listen("tcp4", sharedVIP+":80")
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = fmt.Fprint(conn, i)
				_ = conn.Close()
			}
		}()
		return nil
	}))
}

func (d *directors) apply(t *testing.T, i int, only string) {
	t.Helper()
	_, err := d.director[i].Run(fmt.Sprintf(`clusters:
  - {name: web, mark: 80, vips: [%s], ports: [80], %sforwarding: direct, scheduler: rr, persistence: 0, real-servers: [{address: 10.0.0.1}, {address: 10.0.0.2}]}
`, sharedVIP, only), need.Lvsmark(t), "-c", "-", "apply")
	require.NoError(t, err)
}

// connect returns the number of the director that answers a connection of the client; empty:
// none does.
func (d *directors) connect(t *testing.T, wait time.Duration) (name string) {
	t.Helper()
	require.NoError(t, d.client.Do(func() error {
		conn, err := net.DialTimeout("tcp4", sharedVIP+":80", wait)
		if err != nil {
			return nil
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(wait))
		answer := make([]byte, 1)
		n, _ := conn.Read(answer)
		name = string(answer[:n])
		return nil
	}))
	return name
}

// connections returns the number of connections that a director got from the other one. Each has a
// port of its own; a client that waits sends its SYN again.
func (d *directors) connections(t *testing.T, i int) int {
	t.Helper()
	text, err := d.director[i].Run("", "nft", "list", "set", "inet", "count", "peer")
	require.NoError(t, err)
	_, elements, found := strings.Cut(text, "elements = {")
	if !found {
		return 0
	}
	return 1 + strings.Count(elements, ",")
}

// packets returns the number of packets with SYN that a director got from the other one.
func (d *directors) packets(t *testing.T, i int) int {
	t.Helper()
	text, err := d.director[i].Run("", "nft", "list", "counter", "inet", "count", "peer")
	require.NoError(t, err)
	_, text, _ = strings.Cut(text, "packets ")
	digits, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return n
}
