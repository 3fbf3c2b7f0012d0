package hostaddr_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// withDevice runs f in a network namespace that has the device vip0.
func withDevice(t *testing.T, f func()) {
	t.Helper()
	need.Programs(t, "ip")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "add", "vip0", "type", "veth", "peer", "name", "vip1")
		// No link-local addresses: the kernel would add them after a delay.
		for _, device := range []string{"vip1", "vip0"} {
			scratch.Run(t, "", "ip", "link", "set", device, "addrgenmode", "none")
			scratch.Run(t, "", "ip", "link", "set", device, "up")
		}
		f()
	})
}

func on(device, ip string) hostaddr.Address {
	return hostaddr.Address{Device: device, IP: netip.MustParseAddr(ip)}
}

// read returns the addresses of all devices.
func read(t *testing.T) []hostaddr.Local {
	t.Helper()
	addresses, err := hostaddr.Read()
	require.NoError(t, err)
	return addresses
}

// ours returns the addresses that Add added.
func ours(t *testing.T) []hostaddr.Local {
	t.Helper()
	return slices.DeleteFunc(read(t), func(a hostaddr.Local) bool { return !a.Ours })
}
