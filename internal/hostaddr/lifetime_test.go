package hostaddr_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// local returns one address.
func local(t *testing.T, want hostaddr.Address) hostaddr.Local {
	t.Helper()
	for _, a := range read(t) {
		if a.Address == want {
			return a
		}
	}
	require.Fail(t, "no address", want)
	return hostaddr.Local{}
}

// TestLifetime: a lifetime is read and set, also one that `ip address change` has set, and
// the address stays lvsmark's.
func TestLifetime(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		for address, changed := range map[hostaddr.Address]string{
			on("vip0", "198.51.100.21"): "198.51.100.21/32", on("vip0", "2001:db8::21"): "2001:db8::21/128",
		} {
			require.NoError(t, errors.Join(hostaddr.Add(address)...))
			before := local(t, address)
			require.Zero(t, before.Lifetime)
			require.True(t, before.Ours)

			require.NoError(t, hostaddr.SetLifetime(address, hostaddr.Lifetime(599*time.Second+time.Millisecond)))
			assert.InDelta(t, 600, time.Duration(local(t, address).Lifetime).Seconds(), 60)
			assert.True(t, local(t, address).Ours)
			require.NoError(t, hostaddr.SetLifetime(address, 0))
			assert.Equal(t, before, local(t, address))

			scratch.Run(t, "", "ip", "address", "change", changed, "dev", "vip0", "valid_lft", "1000", "preferred_lft", "500")
			assert.InDelta(t, 1000, time.Duration(local(t, address).Lifetime).Seconds(), 60)
			require.NoError(t, hostaddr.SetLifetime(address, 0))
			assert.Equal(t, before, local(t, address))
			if address.IP.Is6() {
				shown := scratch.Run(t, "", "ip", "-o", "address", "show", "dev", "vip0")
				assert.Contains(t, shown, "valid_lft forever preferred_lft 0sec")
			}
		}
		assert.ErrorContains(t, hostaddr.SetLifetime(on("nowhere", "198.51.100.21"), 0), "change address 198.51.100.21 on nowhere: ")
	})
}

// TestUnusable: an address of another program that has a lifetime, or has not passed
// duplicate address detection.
func TestUnusable(t *testing.T) {
	withDevice(t, func() {
		scratch.Run(t, "", "ip", "address", "add", "198.51.100.30/24", "dev", "vip0", "valid_lft", "100", "preferred_lft", "50")
		dhcp := local(t, on("vip0", "198.51.100.30"))
		assert.InDelta(t, 100, time.Duration(dhcp.Lifetime).Seconds(), 60)
		assert.False(t, dhcp.Tentative || dhcp.DADFailed || dhcp.Ours)

		scratch.Run(t, "", "ip", "address", "add", "2001:db8::30/64", "dev", "vip1", "nodad")
		await(t, func() bool { // before, vip1 does not answer the detection, which asks once
			return strings.Contains(scratch.Run(t, "", "ip", "-6", "maddress", "show", "dev", "vip1"), "ff02::1:ff00:30") &&
				strings.Contains(scratch.Run(t, "", "ip", "link", "show", "vip1"), " state UP ")
		})
		scratch.Run(t, "", "ip", "address", "add", "2001:db8::30/64", "dev", "vip0")
		await(t, func() bool { return local(t, on("vip0", "2001:db8::30")).DADFailed })
		assert.True(t, local(t, on("vip0", "2001:db8::30")).Tentative)

		// On a device that is down, the detection does not begin.
		scratch.Run(t, "", "ip", "link", "add", "vip2", "type", "veth", "peer", "name", "vip3")
		scratch.Run(t, "", "ip", "address", "add", "2001:db8::31/64", "dev", "vip2")
		assert.True(t, local(t, on("vip2", "2001:db8::31")).Tentative)
		scratch.Run(t, "", "ip", "link", "set", "vip3", "up")
		scratch.Run(t, "", "ip", "link", "set", "vip2", "up")
		await(t, func() bool { return !local(t, on("vip2", "2001:db8::31")).Tentative })
		assert.False(t, local(t, on("vip2", "2001:db8::31")).DADFailed)
		assert.False(t, local(t, on("vip1", "2001:db8::30")).Tentative)
	})
}

// await waits until the condition holds. It calls it on this thread, which is in the
// network namespace.
func await(t *testing.T, condition func() bool) {
	t.Helper()
	for range 6000 {
		if condition() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(t, "the condition never holds")
}
