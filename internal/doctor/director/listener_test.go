package director_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

// TestListeners has programs of the director that listen.
func TestListeners(t *testing.T) {
	for _, c := range []struct {
		name, address string
		want          []string
	}{
		{"any address", ":10000", []string{"listeners: a program of the director listens on tcp [::]:10000, a port of cluster ftp"}},
		{"any IPv4 address", "0.0.0.0:21", []string{"listeners: a program of the director listens on tcp 0.0.0.0:21, a port of cluster ftp"}},
		{"the VIP", "198.51.100.21:20000", []string{"listeners: a program of the director listens on tcp 198.51.100.21:20000, a port of cluster ftp"}},
		{"another address", "10.0.0.1:21", nil},
		{"another port", ":22", nil},
		{"loopback", "127.0.0.1:21", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				network := "tcp"
				if c.address[0] == '0' {
					network = "tcp4"
				}
				l, err := net.Listen(network, c.address)
				require.NoError(t, err)
				defer l.Close()
				assert.Equal(t, c.want, texts(examine(t, spec, files(), knowing(false))))
			})
		})
	}
}

// knowing sets what the kernel does not tell if it would have to load tcp_diag.
func knowing(onlyIPv6 bool) func(*host.Host) {
	return func(h *host.Host) {
		for i := range h.Listeners.Value {
			if l := &h.Listeners.Value[i]; len(l.Families()) > 1 && l.OnlyIPv6 == nil {
				l.OnlyIPv6 = new(onlyIPv6)
			}
		}
	}
}

// TestListenersOfIPv6 has programs on [::] that take IPv6 only, or of which that is not known.
func TestListenersOfIPv6(t *testing.T) {
	six := trap{yaml: sixes}.spec()
	onlySix := func(t *testing.T, network string) func() {
		t.Helper()
		fd, err := unix.Socket(unix.AF_INET6, map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}[network], 0)
		require.NoError(t, err)
		require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet6{Port: 21}))
		if network == "tcp" {
			require.NoError(t, unix.Listen(fd, 1))
		}
		return func() { _ = unix.Close(fd) }
	}
	listeners := func(t *testing.T, yaml string, change func(*host.Host)) []string {
		t.Helper()
		return slices.DeleteFunc(texts(examine(t, yaml, files(), change)), func(text string) bool { return !strings.HasPrefix(text, "listeners") })
	}
	const found = "listeners: a program of the director listens on %s [::]:21, a port of cluster ftp"
	udp := func(yaml string) string {
		return strings.NewReplacer("ftp: {active-data: {translate: snat, source: 10.0.0.0/24}}", "ports: [udp/21]", "ftp: {active-data: {translate: snat, source: \"fd00::/64\"}}", "ports: [udp/21]").Replace(yaml)
	}
	for network, of := range map[string]func(string) string{"tcp": func(yaml string) string { return yaml }, "udp": udp} {
		inDirector(t, func() {
			closeSocket := onlySix(t, network)
			defer closeSocket()
			assert.Empty(t, listeners(t, of(spec), knowing(true)), network)
			assert.Equal(t, []string{fmt.Sprintf(found, network)}, listeners(t, of(six), knowing(true)))

			unknown := func(h *host.Host) {
				for i := range h.Listeners.Value {
					h.Listeners.Value[i].OnlyIPv6 = nil
				}
			}
			assert.Equal(t, []string{fmt.Sprintf(found, network) + " (unless it takes IPv6 only: then `ss -lne` shows v6only:1)"}, listeners(t, of(spec), unknown))
			assert.Equal(t, []string{fmt.Sprintf(found, network)}, listeners(t, of(six), unknown))
		})
	}
}

// TestListenersOfAllPorts has a cluster of all ports.
func TestListenersOfAllPorts(t *testing.T) {
	yaml := trap{yaml: "    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}} =>     ports: [all]"}.spec()
	inDirector(t, func() {
		anywhere, err := net.Listen("tcp", ":22")
		require.NoError(t, err)
		defer anywhere.Close()
		listeners := func() []string {
			list := texts(examine(t, yaml, files(), nil))
			return slices.DeleteFunc(list, func(text string) bool { return !strings.HasPrefix(text, "listeners") })
		}
		assert.Empty(t, listeners())
		onVIP, err := net.Listen("tcp", "198.51.100.21:23")
		require.NoError(t, err)
		defer onVIP.Close()
		assert.Equal(t, []string{"listeners: a program of the director listens on tcp 198.51.100.21:23, a port of cluster ftp"}, listeners())
	})
}

// TestNeighborIsBack has an old entry of a real server that answers now.
func TestNeighborIsBack(t *testing.T) {
	inDirector(t, func() {
		run(t, "ip neigh add 10.0.0.11 dev lan nud failed")
		assert.Empty(t, texts(examine(t, spec, files(), func(h *host.Host) {
			connect := h.Connect
			h.Connect = func(list []addrPort) map[addrPort]error {
				c, err := net.DialTimeout("tcp", "10.0.0.11:21", time.Minute)
				if assert.ErrorIs(t, err, unix.ECONNREFUSED) {
					return connect(list)
				}
				c.Close()
				return nil
			}
		})))
	})
}

// TestProcess has a manager that runs and is not enabled.
func TestProcess(t *testing.T) {
	const conf = "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n"
	c := trap{yaml: "{bind: false} => {bind: true}", files: map[string]string{"etc/keepalived/keepalived.conf": conf, wants + "keepalived.service": "-"}}
	program := filepath.Join(t.TempDir(), "keepalived")
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	require.NoError(t, exec.Command("cp", sleep, program).Run())
	inDirector(t, func() {
		assert.Empty(t, texts(examine(t, c.spec(), c.machine(), nil)))
		running := exec.Command(program, "100")
		require.NoError(t, running.Start())
		defer func() {
			_ = running.Process.Kill()
			_ = running.Wait()
		}()
		assert.Equal(t, []string{"managers: keepalived manages the service of /etc/keepalived/keepalived.conf:1, which the spec has too"}, texts(examine(t, c.spec(), c.machine(), nil)))
	})
}

// TestProcessOfAnotherFile has a keepalived that a script has started with -f.
func TestProcessOfAnotherFile(t *testing.T) {
	const conf = "virtual_server fwmark 21 {\n  lb_algo rr\n  lb_kind NAT\n  real_server 10.0.0.11 0 {\n  }\n}\n"
	c := trap{yaml: "{bind: false} => {bind: true}", files: map[string]string{"srv/lvs.conf": conf, wants + "keepalived.service": "-"}}
	program := filepath.Join(t.TempDir(), "keepalived")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nread end\n"), 0o755))
	inDirector(t, func() {
		running := exec.Command(program, "-D", "-f", "/srv/lvs.conf")
		end, err := running.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, running.Start())
		defer func() {
			_ = end.Close()
			_ = running.Wait()
		}()
		assert.Equal(t, []string{"managers: keepalived manages the service of /srv/lvs.conf:1, which the spec has too"}, texts(examine(t, c.spec(), c.machine(), nil)))
	})
}
