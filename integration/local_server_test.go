package integration_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestLocalServers connects to clusters whose real server is an address of the director.
// With nat the server gets the connection at that address, with direct and tunnel at the
// VIP, as the notes of the plan say. A server behind nat with a loopback address gets none,
// and the spec is refused.
func TestLocalServers(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip")
	client, director := localSite(t)
	listener := serveLocalAddress(t, director)
	defer listener.Close()
	for _, method := range []string{"nat", "direct", "tunnel"} {
		for vip, servers := range map[string][]string{
			"198.51.100.21": {"10.9.9.9", "198.51.100.1", "127.0.0.1"},
			"2001:db8::21":  {"fd00::9", "2001:db8::1", "::1"},
		} {
			for _, server := range servers {
				name := fmt.Sprintf("%s to %s", method, server)
				spec, _, err := config.Parse("spec.yaml", strings.NewReader(fmt.Sprintf("clusters: [{name: a, mark: 21, vips: [%q], vip-device: wan, ports: [7777], forwarding: %s, real-servers: [{address: %q}]}]\n", vip, method, server)))
				if method == "nat" && netip.MustParseAddr(server).IsLoopback() {
					require.ErrorContains(t, err, "is a loopback address", name)
					continue
				}
				require.NoError(t, err, name)
				want := vip
				if method == "nat" {
					want = server
				}
				opts := lvsmark.Options{NetNS: director}
				p, err := lvsmark.PlanSpec(t.Context(), lvsmark.Known(spec), opts)
				require.NoError(t, err, name)
				assert.Contains(t, p.Notes()[0], "real server "+server+" of a is an address of the director", name)
				_, err = lvsmark.Apply(t.Context(), p)
				require.NoError(t, err, name)
				assert.Equal(t, want, localAddressOf(t, client, vip), name)
			}
		}
	}
}

// localSite returns two network namespaces: of a client, and of a director with several
// addresses.
func localSite(t *testing.T) (client, director string) {
	t.Helper()
	client, director = fmt.Sprintf("local-client-%d", time.Now().UnixNano()), fmt.Sprintf("local-director-%d", time.Now().UnixNano())
	ip := func(args ...string) {
		t.Helper()
		out, err := exec.Command("ip", args...).CombinedOutput()
		require.NoError(t, err, "ip %v: %s", args, out)
	}
	for _, ns := range []string{client, director} {
		ip("netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		ip("-n", ns, "link", "set", "lo", "up")
	}
	ip("link", "add", "wan", "netns", director, "type", "veth", "peer", "name", "net", "netns", client)
	for _, a := range [][]string{
		{client, "net", "198.51.100.10/24"},
		{client, "net", "2001:db8::10/64", "nodad"},
		{director, "wan", "198.51.100.1/24"},
		{director, "wan", "2001:db8::1/64", "nodad"},
		{director, "lo", "10.9.9.9/32"},
		{director, "lo", "fd00::9/128", "nodad"},
	} {
		ip(append([]string{"-n", a[0], "address", "add", "dev", a[1]}, a[2:]...)...)
	}
	ip("-n", client, "link", "set", "net", "up")
	ip("-n", director, "link", "set", "wan", "up")
	for _, ns := range []string{client, director} {
		require.Eventually(t, func() bool {
			out, err := exec.Command("ip", "-n", ns, "-details", "-oneline", "link").Output()
			return err == nil && lab.LinksPass(string(out))
		}, successTimeout, 10*time.Millisecond)
	}
	return client, director
}

// serveLocalAddress answers each connection with the local address that it arrived at.
func serveLocalAddress(t *testing.T, ns string) (listener net.Listener) {
	t.Helper()
	require.NoError(t, lvsmark.InNamespace(ns, func() (err error) {
		listener, err = net.Listen("tcp", ":7777")
		return err
	}))
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			local := connection.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			_, _ = io.WriteString(connection, local.String())
			_ = connection.Close()
		}
	}()
	return listener
}

// localAddressOf connects to the VIP and returns the answer.
func localAddressOf(t *testing.T, ns, vip string) (answer string) {
	t.Helper()
	require.NoError(t, lvsmark.InNamespace(ns, func() error {
		connection, err := net.DialTimeout("tcp", net.JoinHostPort(vip, "7777"), time.Minute)
		if err != nil {
			return err
		}
		defer connection.Close()
		text, err := io.ReadAll(connection)
		answer = string(text)
		return err
	}))
	return answer
}
