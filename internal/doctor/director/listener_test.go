package director_test

import (
	"net"
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
				assert.Equal(t, c.want, texts(examine(t, spec, files(), nil)))
			})
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
