package integration_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestSCTP connects to ports of SCTP, with translation and without.
func TestSCTP(t *testing.T) {
	for _, method := range []config.Forwarding{config.NAT, config.Direct} {
		t.Run(method.String(), func(t *testing.T) {
			k := newKeysLab(t, method, 2, 80)
			for _, s := range k.lab.Servers {
				k.listenSCTP(s.Host, 2905)
			}
			k.apply("ports: [sctp/2905]; forwarding: "+method.String(), "", "")
			reached := map[string]int{}
			for range 4 {
				reached[k.askSCTP(2905)]++
			}
			assert.Equal(t, map[string]int{"rs1": 2, "rs2": 2}, reached)
			assert.Contains(t, k.director("ipvsadm", "-Lcn"), "SCTP")
		})
	}
}

// listenSCTP serves a port of SCTP: each client gets the name of the host.
func (k *keysLab) listenSCTP(host *lab.Host, port int) {
	k.t.Helper()
	require.NoError(k.t, host.Do(func() error {
		fd, err := socketSCTP(k.t)
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet4{Port: port})
		}
		if err == nil {
			err = unix.Listen(fd, 5)
		}
		if err != nil {
			return err
		}
		go func() {
			for {
				client, _, err := unix.Accept(fd)
				if err != nil {
					return
				}
				_, _ = unix.Write(client, []byte(host.Name))
			}
		}()
		return nil
	}))
}

func socketSCTP(t *testing.T) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err != nil {
		t.Skipf("needs the module sctp: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: int64(successTimeout / time.Second)})
}

// askSCTP returns the name of the host that serves the port of the VIP.
func (k *keysLab) askSCTP(port int) (name string) {
	k.t.Helper()
	require.NoError(k.t, k.lab.Client.Do(func() error {
		fd, err := socketSCTP(k.t)
		if err == nil {
			err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(successTimeout / time.Second)})
		}
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrInet4{Addr: k.vip.As4(), Port: port})
		}
		if err != nil {
			return err
		}
		answer := make([]byte, 100)
		n, err := unix.Read(fd, answer)
		name = string(answer[:max(n, 0)])
		return err
	}))
	return name
}

// TestOnePacket sends packets of one socket: with one-packet, each goes to the next real
// server. The answers of a real server with nat are not translated.
func TestOnePacket(t *testing.T) {
	k := newKeysLab(t, config.Direct, 2, 80)
	for _, s := range k.lab.Servers {
		require.NoError(t, s.Do(func() error {
			packets, err := net.ListenPacket("udp4", k.vip.String()+":53")
			if err == nil {
				t.Cleanup(func() { packets.Close() })
				go servePackets(packets, s.Name)
			}
			return err
		}))
	}
	servers := func() map[string]int {
		s := k.dial("udp4", k.lab.Client, netip.AddrPortFrom(k.client(), 0), netip.AddrPortFrom(k.vip, 53), successTimeout)
		require.NotNil(t, s)
		reached := map[string]int{}
		for range 4 {
			reached[s.echo(successTimeout)]++
		}
		return reached
	}
	k.apply("ports: [udp/53]; forwarding: direct", "", "")
	assert.Len(t, servers(), 1)
	k.apply("ports: [udp/53]; forwarding: direct; one-packet: true", "", "")
	assert.Equal(t, map[string]int{"rs1": 2, "rs2": 2}, servers())
	assert.Contains(t, k.director("ipvsadm", "-Sn"), " -o")
	k.isRestorable()
}

// TestOnePacketNAT shows what the note of `lvsmark check` says.
func TestOnePacketNAT(t *testing.T) {
	k := newKeysLab(t, config.NAT, 1, 53)
	ask := func(wait time.Duration) *session {
		return k.dial("udp4", k.lab.Client, netip.AddrPortFrom(k.client(), 0), netip.AddrPortFrom(k.vip, 53), wait)
	}
	k.apply("ports: [udp/53]", "")
	assert.NotNil(t, ask(successTimeout))
	k.apply("ports: [udp/53]; one-packet: true", "")
	assert.Nil(t, ask(failureTimeout))
}

// TestAllPorts: a cluster has every port and protocol of the VIP, but for the ports of the
// other cluster.
func TestAllPorts(t *testing.T) {
	k := newKeysLab(t, config.NAT, 2, 80, 81, 4000)
	require.NoError(t, k.lab.Apply(fmt.Sprintf(`
clusters:
  - {name: rest, mark: 7, vips: [%[1]s], vip-device: wan, ports: [all], real-servers: [{address: 10.0.0.11}]}
  - {name: web, mark: 80, vips: [%[1]s], ports: [80], real-servers: [{address: 10.0.0.12}]}
`, k.vip)))
	for port, server := range map[int]string{80: "rs2", 81: "rs1", 4000: "rs1"} {
		assert.Equal(t, map[string]int{server: 1}, k.reached("tcp4", port, 1), port)
		assert.Equal(t, map[string]int{"rs1": 1}, k.reached("udp4", port, 1), port)
	}

	// Of a datagram in fragments, only the first has a port.
	received := make(chan int, 1)
	require.NoError(t, k.lab.Servers[0].Do(func() error {
		packets, err := net.ListenPacket("udp4", ":5000")
		if err != nil {
			return err
		}
		t.Cleanup(func() { packets.Close() })
		go func() {
			n, _, _ := packets.ReadFrom(make([]byte, 8000))
			received <- n
		}()
		return nil
	}))
	require.NoError(t, k.lab.Client.Do(func() error {
		conn, err := net.Dial("udp4", k.vip.String()+":5000")
		if err == nil {
			defer conn.Close()
			_, err = conn.Write(bytes.Repeat([]byte("x"), 5000))
		}
		return err
	}))
	select {
	case n := <-received:
		assert.Equal(t, 5000, n)
	case <-time.After(successTimeout):
		assert.Fail(t, "the datagram did not arrive")
	}
}
