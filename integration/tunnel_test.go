package integration_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// tunnels are the encapsulations of the key tunnel, one for each real server.
var tunnels = []string{
	"type: ipip",
	"type: gue, port: 6080",
	"type: gue, port: 6080, checksum: csum",
	"type: gue, port: 6080, checksum: remcsum",
	"type: gre",
	"type: gre, checksum: csum",
}

// TestTunnels uploads through a tunnel of each type and checksum, to a real server each. The
// receiver of gue hands the inner packet to the device for IP in IP. A gre device drops
// packets without a checksum if it expects one, and packets with one if it does not.
func TestTunnels(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "ipvsadm")
	l := lab.New(t, lab.Options{Forwarding: config.Tunnel, RealServers: len(tunnels)})
	for i, s := range l.Servers {
		for _, f := range l.Families {
			if err := receive(s, f, tunnels[i]); err != nil {
				t.Skipf("needs the modules fou, fou6, ip_gre, ip6_gre: %v", err)
			}
		}
		_, err := s.RunInput(countHeaders, "nft", "-f", "-")
		require.NoError(t, err)
		serveUploads(t, s)
	}
	require.NoError(t, l.Apply(tunnelSpec(l)))
	for _, f := range l.Families {
		reached := map[string]int{}
		for range l.Servers {
			server, err := upload(l, f)
			assert.NoError(t, err, "%s: after %v", f, reached)
			reached[server]++
		}
		assert.Len(t, reached, len(tunnels), "%s: %v", f, reached)
		for range l.Servers {
			require.NoError(t, hangUp(l, f))
		}
	}
	k := &keysLab{&traffic{t: t, lab: l}, lab.VIP(config.IPv4)}
	k.isRestorable()
	for i, s := range l.Servers {
		assert.Equal(t, headers[tunnels[i]], seenHeaders(t, s), tunnels[i])
	}
}

// countHeaders counts packets of gue by the checksum of UDP and the flags of struct guehdr
// (include/net/gue.h). Small packets are left out: IPVS uses remcsum only for packets whose
// checksum the device computes, and the kernel computes that of RST and of ACK in TIME_WAIT
// itself (ip_vs_tunnel_xmit, ip_send_unicast_reply).
const countHeaders = `table inet headers {
	counter gue-none { }
	counter gue-csum { }
	counter gue-remcsum { }
	chain input {
		type filter hook input priority filter
		meta length < 1000 accept
		meta l4proto udp @th,16,16 6080 @th,48,16 0 counter name gue-none accept
		meta l4proto udp @th,16,16 6080 @th,80,16 0 counter name gue-csum
		meta l4proto udp @th,16,16 6080 @th,80,16 1 counter name gue-remcsum
	}
}
`

// headers are the counters of countHeaders that count the packets of a tunnel.
var headers = map[string][]string{
	tunnels[1]: {"gue-none"},
	tunnels[2]: {"gue-csum"},
	tunnels[3]: {"gue-remcsum"},
}

// seenHeaders returns the names of counters that are not 0.
func seenHeaders(t *testing.T, s *lab.RealServer) []string {
	t.Helper()
	text, err := s.Run("nft", "list", "counters", "table", "inet", "headers")
	require.NoError(t, err)
	var seen []string
	for block := range strings.SplitSeq(text, "counter ") {
		if name, rest, found := strings.Cut(block, " {"); found && !strings.Contains(rest, "packets 0 ") && strings.Contains(rest, "packets ") {
			seen = append(seen, name)
		}
	}
	return seen
}

// tunnelSpec returns a spec whose scheduler assigns connections to the real servers in turn.
func tunnelSpec(l *lab.Lab) string {
	var servers strings.Builder
	for i, s := range l.Servers {
		for _, f := range l.Families {
			fmt.Fprintf(&servers, "      - {address: %q, tunnel: {%s}}\n", s.Address(f), tunnels[i])
		}
	}
	return fmt.Sprintf(`
clusters:
  - name: c
    mark: 7
    vips: [%q, %q]
    vip-device: wan
    ports: [80]
    forwarding: tunnel
    scheduler: rr
    persistence: 0
    real-servers:
%s`, lab.VIP(config.IPv4), lab.VIP(config.IPv6), servers.String())
}

// receive makes a real server of a lab with tunnel forwarding, which has IP in IP, one of
// another encapsulation.
func receive(s *lab.RealServer, f config.Family, tunnel string) error {
	number := map[config.Family]string{config.IPv4: "4", config.IPv6: "6"}[f]
	switch {
	case strings.Contains(tunnel, "gue"):
		_, _ = s.Run("modprobe", map[string]string{"4": "fou", "6": "fou6"}[number]) // the kernel does not load it by itself
		_, err := s.Run("ip", "-"+number, "fou", "add", "port", "6080", "gue")
		return err
	case strings.Contains(tunnel, "gre"):
		checksum := map[bool]string{true: "icsum", false: ""}[strings.Contains(tunnel, "csum")]
		kind := map[string]string{"4": "gre", "6": "ip6gre"}[number]
		_, err := s.Run("sh", "-c", fmt.Sprintf("ip link add gre%s type %s local %s %s && ip link set gre%[1]s up", number, kind, s.Address(f), checksum))
		if err == nil && f == config.IPv4 {
			err = s.Sysctls(map[string]string{"net.ipv4.conf.gre4.rp_filter": "0"})
		}
		return err
	}
	return nil
}

// serveUploads answers each upload to port 80 with the host's name and the digest of what
// has arrived.
func serveUploads(t *testing.T, s *lab.RealServer) {
	t.Helper()
	require.NoError(t, s.Do(func() error {
		for _, network := range []string{"tcp4", "tcp6"} {
			listener, err := net.Listen(network, ":80")
			if err != nil {
				return err
			}
			t.Cleanup(func() { listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						digest := sha256.New()
						if _, err := io.Copy(digest, conn); err == nil {
							fmt.Fprintf(conn, "%s %x", s.Name, digest.Sum(nil))
						}
					}()
				}
			}()
		}
		return nil
	}))
}

// upload sends a megabyte, mostly in segments that devices divide, and returns the name of
// the real server that has received it.
func upload(l *lab.Lab, f config.Family) (server string, err error) {
	content := bytes.Repeat([]byte("lvsmark"), 150_000)
	var answer []byte
	err = l.Client.Do(func() error {
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(lab.VIP(f), 80).String(), successTimeout)
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(successTimeout))
		if _, err := conn.Write(content); err != nil {
			return err
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		answer, err = io.ReadAll(conn)
		return err
	})
	server, digest, _ := strings.Cut(string(answer), " ")
	if err == nil && digest != fmt.Sprintf("%x", sha256.Sum256(content)) {
		err = fmt.Errorf("%s has received something else", server)
	}
	return server, err
}

// hangUp closes a connection before the answer. The client answers to that with RST, through
// the tunnel too.
func hangUp(l *lab.Lab, f config.Family) error {
	return l.Client.Do(func() error {
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(lab.VIP(f), 80).String(), successTimeout)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}
