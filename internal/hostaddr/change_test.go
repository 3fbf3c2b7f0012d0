package hostaddr_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

func TestAddAndDelete(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		scratch.Run(t, "", "ip", "address", "add", "192.0.2.1/24", "dev", "vip0")
		scratch.Run(t, "", "ip", "address", "add", "198.51.100.22/32", "dev", "vip0")
		v4, v6 := on("vip0", "198.51.100.21"), on("vip0", "2001:db8::21")
		require.Equal(t, []error{nil, nil}, hostaddr.Add(v4, v6))

		assert.Subset(t, read(t), []hostaddr.Local{
			{Address: on("vip0", "192.0.2.1"), Prefix: 24},
			{Address: on("vip0", "198.51.100.22"), Prefix: 32},
			{Address: v4, Prefix: 32, Ours: true},
			{Address: v6, Prefix: 128, Ours: true},
		})
		shown := scratch.Run(t, "", "ip", "-o", "address", "show", "dev", "vip0")
		assert.Regexp(t, `inet 198\.51\.100\.21/32 scope global (proto 0x4c )?vip0\\ +valid_lft forever`, shown)
		assert.Regexp(t, `inet6 2001:db8::21/128 scope global nodad deprecated (proto 0x4c )?\\ +valid_lft forever preferred_lft 0sec`, shown)

		require.Equal(t, []error{nil, nil}, hostaddr.Delete(v4, v6))
		for _, address := range read(t) {
			assert.False(t, address.Ours)
			assert.NotContains(t, []hostaddr.Address{v4, v6}, address.Address)
		}
		assert.Contains(t, read(t), hostaddr.Local{Address: on("vip0", "198.51.100.22"), Prefix: 32})
	})
}

// onlyAnswer requires one result and returns it.
func onlyAnswer(t *testing.T, answers []error) error {
	t.Helper()
	require.Len(t, answers, 1)
	return answers[0]
}

// TestUsableAtOnce: an IPv6 VIP is usable at once, and also if another host has it, as
// each real server has under direct forwarding.
func TestUsableAtOnce(t *testing.T) {
	withDevice(t, func() {
		require.NoError(t, errors.Join(hostaddr.Add(on("vip0", "2001:db8::21"))...))
		assert.NotContains(t, scratch.Run(t, "", "ip", "-6", "address", "show", "dev", "vip0", "scope", "global"), "tentative")
	})
}

func TestErrors(t *testing.T) {
	withDevice(t, func() {
		for _, ip := range []string{"198.51.100.21", "2001:db8::21"} {
			err := onlyAnswer(t, hostaddr.Add(on("nowhere", ip)))
			assert.ErrorContains(t, err, "add address "+ip+" on nowhere: device nowhere: no such network interface; ")
			err = onlyAnswer(t, hostaddr.Delete(on("vip0", ip)))
			require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
			require.ErrorIs(t, err, hostaddr.ErrStale)
			assert.EqualError(t, err, "delete address "+ip+" on vip0: cannot assign requested address (the device does not have it: another process has deleted it)")

			require.NoError(t, errors.Join(hostaddr.Add(on("vip0", ip))...))
			err = onlyAnswer(t, hostaddr.Add(on("vip0", ip)))
			require.ErrorIs(t, err, unix.EEXIST)
			require.ErrorIs(t, err, hostaddr.ErrStale)
			assert.EqualError(t, err, "add address "+ip+" on vip0: file exists (the device has it already: another process has added it)")
		}
		scratch.Run(t, "", "sysctl", "-qw", "net.ipv6.conf.vip0.disable_ipv6=1")
		err := onlyAnswer(t, hostaddr.Add(on("vip0", "2001:db8::22")))
		require.ErrorIs(t, err, unix.EACCES)
		require.NotErrorIs(t, err, netlink.ErrPrivilege)
		assert.EqualError(t, err, "add address 2001:db8::22 on vip0: permission denied (IPv6 is disabled on the device: try \"sysctl net.ipv6.conf.vip0.disable_ipv6=0\")")
		scratch.DropPrivileges(t)
		err = onlyAnswer(t, hostaddr.Add(on("vip0", "198.51.100.23")))
		require.ErrorIs(t, err, netlink.ErrPrivilege)
		assert.ErrorContains(t, err, "operation not permitted: this needs CAP_NET_ADMIN")
	})
}

// TestUnmarked: an address is deleted again if the kernel does not store its protocol.
func TestUnmarked(t *testing.T) {
	withDevice(t, func() {
		before := read(t)
		for _, ip := range []string{"198.51.100.21", "2001:db8::21"} {
			require.ErrorIs(t, hostaddr.AddUnmarked(on("vip0", ip)), hostaddr.ErrProtocol)
			assert.Equal(t, before, read(t))
		}
	})
}

// TestMany: each address has its own result, and no batch follows a batch with a refusal.
func TestMany(t *testing.T) {
	need.Kernel(t, 5, 18)
	withDevice(t, func() {
		var list []hostaddr.Address
		for i := range 400 {
			list = append(list, on("vip0", fmt.Sprintf("198.18.%d.%d", i/200, i%200)), on("vip0", fmt.Sprintf("2001:db8::%x", i)))
		}
		answers := hostaddr.Add(list...)
		require.Len(t, answers, len(list))
		require.NoError(t, errors.Join(answers...))
		require.Len(t, ours(t), len(list))

		require.NoError(t, errors.Join(hostaddr.Delete(list[:300]...)...))
		require.NoError(t, errors.Join(hostaddr.Add(list[200])...))
		answers = hostaddr.Add(list[:300]...)
		require.ErrorIs(t, answers[200], unix.EEXIST)
		assert.EqualError(t, answers[200], "add address "+list[200].String()+": file exists (the device has it already: another process has added it)")
		assert.Less(t, len(answers), 300)
		for i, err := range answers {
			assert.Equal(t, i == 200, err != nil, err)
		}
		assert.Len(t, ours(t), len(list)-300+len(answers))

		list[5].Device = "nowhere"
		require.NoError(t, errors.Join(hostaddr.Delete(list[300:]...)...))
		require.NoError(t, errors.Join(hostaddr.Delete(list[:5]...)...))
		answers = hostaddr.Add(list[:9]...)
		require.Len(t, answers, 6)
		require.ErrorContains(t, answers[5], "device nowhere: no such network interface")
		require.NoError(t, errors.Join(answers[:5]...))
	})
}
