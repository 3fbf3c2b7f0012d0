package host

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestConnectToMany: more real servers than the process may open sockets are no failure.
func TestConnectToMany(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	var to []netip.AddrPort
	for host := range byte(200) {
		to = append(to, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 9, host + 1}), port))
	}

	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 100, Max: before.Max}))
	defer func() { assert.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	assert.Empty(t, connect(to))
}
