package integration_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

const doctorSpec = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    vip-device: wan
    ftp: {passive-ports: 10000-10004, active-data: {translate: snat, source: 10.0.0.0/24}}
    real-servers: [{name: rs1, address: 10.0.0.11}]
director: {ipvs-timeouts: {tcp: 2h}}
`

// TestDoctor: after an apply the director has no trap. Connections to four of five passive
// ports are one, and so is a service that is deleted, which --fix adds again.
func TestDoctor(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "ipvsadm")
	l := lab.New(t, lab.Options{RealServers: 1, Families: []config.Family{config.IPv4}})
	require.NoError(t, l.Apply(doctorSpec))
	stop := listen(t, l.Servers[0].Host, 21, 10000, 10001, 10002, 10003)
	defer stop()
	doctor := func(status int, args ...string) string {
		t.Helper()
		output, err := l.Lvsmark(append([]string{"doctor", "--skip", "modules,modules-boot,unit,flush-ruleset,saved-rules,managers"}, args...)...)
		require.NoError(t, err)
		assert.Equal(t, status, output.Status, output.Text)
		return output.Text
	}
	assert.Equal(t, "31 checks, 0 findings, 0 not checked\n", doctor(0))

	for port := range uint16(3) {
		defer dial(t, l.Client, 10000+port).Close()
	}
	doctor(0)
	defer dial(t, l.Client, 10003).Close()
	assert.Contains(t, doctor(1), "passive-range: cluster ftp: real server 10.0.0.11 has 4 data connections, with 5 passive ports\n")

	_, err := l.Director.Run("ipvsadm", "-E", "-f", "21", "-s", "wlc", "-p", "300", "-M", "0.0.0.0")
	require.NoError(t, err)
	assert.Contains(t, doctor(1), "persistence-netmask: the service of fwmark 21 IPv4 has persistence with the netmask 0.0.0.0\n")
	text := doctor(0, "--fix", "--skip", "passive-range")
	assert.Contains(t, text, "applied: 0 added, 1 changed, 0 deleted")
	doctor(0, "--skip", "passive-range")
}

// listen listens on TCP ports of a host. The result closes the listeners.
func listen(t *testing.T, h *lab.Host, ports ...int) func() {
	t.Helper()
	var all []net.Listener
	require.NoError(t, h.Do(func() error {
		for _, port := range ports {
			l, err := net.ListenTCP("tcp4", &net.TCPAddr{Port: port})
			if err != nil {
				return err
			}
			all = append(all, l)
		}
		return nil
	}))
	return func() {
		for _, l := range all {
			_ = l.Close()
		}
	}
}

// dial connects to the VIP from a host.
func dial(t *testing.T, h *lab.Host, port uint16) (conn net.Conn) {
	t.Helper()
	require.NoError(t, h.Do(func() (err error) {
		conn, err = net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(netip.AddrPortFrom(lab.VIP(config.IPv4), port)))
		return err
	}))
	return conn
}
