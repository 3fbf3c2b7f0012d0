package ipvs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
)

// open connects to the IPVS of the calling thread's network namespace. The connection is
// closed when the test ends.
func open(t *testing.T) *ipvs.Conn {
	t.Helper()
	conn, err := ipvs.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestOpenWithoutPrivilege: Open fails without CAP_NET_ADMIN.
func TestOpenWithoutPrivilege(t *testing.T) {
	withIPVS(t, func() {
		scratch.DropPrivileges(t)
		_, err := ipvs.Open()
		require.ErrorIs(t, err, ipvs.ErrPrivilege)
		assert.ErrorContains(t, err, "operation not permitted: this needs CAP_NET_ADMIN")
	})
}

func TestOpenWithoutIPVS(t *testing.T) {
	if exec.Command("ipvsadm", "-ln").Run() == nil {
		t.Skip("needs a kernel without IPVS")
	}
	before := openSockets(t)
	_, err := ipvs.Open()
	require.ErrorIs(t, err, ipvs.ErrNoIPVS)
	assert.Equal(t, before, openSockets(t), "the socket is closed")
	for _, word := range []string{"ip_vs", "CONFIG_IP_VS", "modprobe ip_vs", "director.bind: false"} {
		assert.ErrorContains(t, err, word)
	}
}

// openSockets returns the sockets of this process.
func openSockets(t *testing.T) (sockets []string) {
	t.Helper()
	const descriptors = "/proc/self/fd"
	list, err := os.ReadDir(descriptors)
	require.NoError(t, err)
	for _, d := range list {
		if link, _ := os.Readlink(filepath.Join(descriptors, d.Name())); strings.HasPrefix(link, "socket:") {
			sockets = append(sockets, link)
		}
	}
	return sockets
}
