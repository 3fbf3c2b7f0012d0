package ipvs

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// table is /proc/net/ip_vs_conn of Linux 6.1. A persistence template of a mark has the mark
// in place of the VIP.
const table = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C6336464 8B1C C6336415 0015 0A00000B 0015 ESTABLISHED     899
TCP C6336464 8B1E C6336415 0015 0A00000B 0015 FIN_WAIT        119
IP  C6336464 0000 00000015 0000 0A00000B 0000 NONE            299
UDP C6336465 D431 C6336450 01BB 0A00000C 01BB UDP             300
UDP C6336465 D432 C6336450 01BB 0A00000C 01BB NONE            300
SCTP C6336465 D431 C6336450 0B59 0A00000C 0B59 ESTABLISHED     900
SCTP C6336465 D432 C6336450 0B59 0A00000C 0B59 SHUTDOWN_SENT   300
AH  C6336465 D431 C6336450 01BB 0A00000C 01BB ESTABLISHED     300
TCP 2001:0db8:0001:0000:0000:0000:0000:0100 A1B2 2001:0db8:0001:0000:0000:0000:0000:0021 2711 fd00:0010:0000:0000:0000:0000:0000:000b 2711 ESTABLISHED     899
TCP C6336464 8B20 C6336415 0015 2001:0db8:0001:0000:0000:0000:0000:0021 0015 ESTABLISHED     899 sip ID-1
`

func TestConnections(t *testing.T) {
	var list []string
	var protocols []config.Protocol
	eachConnection(strings.NewReader(table), func(c Connection, err error) bool {
		require.NoError(t, err)
		protocols = append(protocols, c.Protocol)
		list = append(list, c.Protocol.String()+" "+c.VIP.String()+" "+c.RealServer.String())
		return true
	})
	assert.Equal(t, []string{
		"tcp 198.51.100.21:21 10.0.0.11:21",
		"udp 198.51.100.80:443 10.0.0.12:443",
		"sctp 198.51.100.80:2905 10.0.0.12:2905",
		"tcp [2001:db8:1::21]:10001 [fd00:10::b]:10001",
		"tcp 198.51.100.21:21 [2001:db8:1::21]:21",
	}, list)
	assert.Equal(t, []config.Protocol{config.TCP, config.UDP, config.SCTP, config.TCP, config.TCP}, protocols)
	for n := range len(list) {
		yielded := 0
		eachConnection(strings.NewReader(table), func(Connection, error) bool { yielded++; return yielded <= n })
		assert.Equal(t, n+1, yielded, "stopped by the caller")
	}
}

func TestConnectionsUnreadable(t *testing.T) {
	for _, line := range []string{
		"TCP C6336464", "", "TCP C6336464 8B1C C63364150 0015 0A00000B 0015 ESTABLISHED 899",
		"TCP C6336464 8B1C C6336415 10015 0A00000B 0015 ESTABLISHED 899",
		"UDP C6336464 8B1C 2001:::1 0015 0A00000B 0015 UDP 899",
		"TCP C6336464 8B1C 1C6336415 0015 0A00000B 0015 ESTABLISHED 899",
	} {
		var errs []error
		eachConnection(strings.NewReader(line+"\n"+table), func(_ Connection, err error) bool {
			errs = append(errs, err)
			return true
		})
		require.Len(t, errs, 1, "no connection after the error")
		assert.ErrorContains(t, errs[0], "ip_vs_conn")
	}
}

// TestConnectionFields: a line needs the fields up to the state, no others.
func TestConnectionFields(t *testing.T) {
	const line = "TCP C6336464 8B1C C6336415 0015 0A00000B 0016"
	_, _, err := parseConnection(line)
	require.Error(t, err)
	c, active, err := parseConnection(line + " ESTABLISHED")
	require.NoError(t, err)
	assert.True(t, active)
	assert.Equal(t, Connection{config.TCP, netip.MustParseAddrPort("198.51.100.21:21"), netip.MustParseAddrPort("10.0.0.11:22")}, c)
}

// TestConnectionsReadError: an error of reading comes after the connections before it.
func TestConnectionsReadError(t *testing.T) {
	yielded := 0
	var failed error
	eachConnection(io.MultiReader(strings.NewReader(table), iotest.ErrReader(unix.EIO)), func(_ Connection, err error) bool {
		require.NoError(t, failed, "nothing after the error")
		yielded, failed = yielded+1, err
		return true
	})
	require.ErrorIs(t, failed, unix.EIO)
	assert.Equal(t, 5+1, yielded)
}
