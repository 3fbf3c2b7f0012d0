package sysctl_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/sysctl"
)

// TestThreadsNamespace: a thread reads and sets sysctls of its own namespace, not of the
// namespace of the process.
func TestThreadsNamespace(t *testing.T) {
	const name = "net.ipv4.ip_forward"
	host, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	require.NoError(t, err)
	scratch.Do(t, func() {
		for _, want := range []string{"1", "0", "1"} {
			require.NoError(t, sysctl.Write(name, want))
			value, err := sysctl.Read(name)
			require.NoError(t, err)
			assert.Equal(t, want, value)
		}
	})
	scratch.Do(t, func() { // another namespace
		require.NoError(t, sysctl.Write(name, "0"))
	})
	after, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	require.NoError(t, err)
	assert.Equal(t, string(host), string(after))
}

func TestSeveralNumbers(t *testing.T) {
	const name = "net.ipv4.ip_local_port_range"
	scratch.Do(t, func() {
		require.NoError(t, sysctl.Write(name, "20001  60000"))
		value, err := sysctl.Read(name)
		require.NoError(t, err)
		assert.Equal(t, "20001 60000", value)
		assert.True(t, sysctl.Equal("20001\t60000\n", value))
		assert.False(t, sysctl.Equal("2000 160000", value))
	})
}

func TestDeviceWithADot(t *testing.T) {
	need.Programs(t, "ip")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "add", "vip0.7", "type", "veth", "peer", "name", "vip1")
		require.NoError(t, sysctl.Write("net.ipv4.conf.vip0/7.rp_filter", "2"))
		value, err := sysctl.Read("net/ipv4/conf/vip0.7/rp_filter")
		require.NoError(t, err)
		assert.Equal(t, "2", value)
	})
}

func TestMissing(t *testing.T) {
	scratch.Do(t, func() {
		for name, hint := range map[string]string{
			"net.ipv4.vs.no_such":              "ip_vs",
			"net.bridge.no_such":               "br_netfilter",
			"net.netfilter.nf_conntrack_nah":   "nf_conntrack",
			"net.ipv4.conf.nowhere.rp_filter":  "no device nowhere",
			"net.ipv6.neigh.wan/7.app_solicit": "no device wan.7",
			"net.ipv4.conf.lo.no_such":         "no such sysctl",
			"net.ipv4.no_such":                 "no such sysctl",
		} {
			_, err := sysctl.Read(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
			assert.ErrorContains(t, err, "read sysctl "+name+": no such file or directory: ")
			assert.ErrorContains(t, err, hint)
			assert.Equal(t, strings.HasPrefix(hint, "no device"), errors.Is(err, sysctl.ErrNoDevice), name)
			err = sysctl.Write(name, "1")
			require.ErrorIs(t, err, fs.ErrNotExist)
			assert.ErrorContains(t, err, hint)
		}
	})
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", ".", "net", "kernel.hostname", "net.//.//.kernel.hostname", "net/../kernel/hostname", "/net/ipv4/ip_forward", "net..ipv4"} {
		_, err := sysctl.Read(name)
		assert.ErrorContains(t, err, "not the name of a sysctl below net", name)
	}
}

func TestRefusals(t *testing.T) {
	scratch.Do(t, func() {
		err := sysctl.Write("net.ipv4.ip_forward", "yes")
		require.ErrorIs(t, err, unix.EINVAL)
		assert.ErrorContains(t, err, `set sysctl net.ipv4.ip_forward to "yes": invalid argument`)

		// The kernel merges adjacent ports to a range.
		err = sysctl.Write("net.ipv4.ip_local_reserved_ports", "8080,8081")
		assert.ErrorContains(t, err, `the kernel stored "8080-8081" instead of "8080,8081": write "8080-8081" in the spec`)
	})
	scratch.Do(t, func() {
		scratch.DropPrivileges(t)
		err := sysctl.Write("net.ipv4.ip_forward", "1")
		require.ErrorIs(t, err, sysctl.ErrPrivilege)
		assert.ErrorContains(t, err, "CAP_NET_ADMIN")
	})
}

// TestIPVS reads and sets sysctls of the module ip_vs.
func TestIPVS(t *testing.T) {
	need.IPVS(t)
	scratch.Do(t, func() {
		require.NoError(t, sysctl.Write("net.ipv4.vs.expire_nodest_conn", "1"))
		value, err := sysctl.Read("net.ipv4.vs.expire_nodest_conn")
		require.NoError(t, err)
		assert.Equal(t, "1", value)
		require.NoError(t, sysctl.Write("net.ipv4.vs.sync_threshold", "3 50"))
	})
}

// TestNoProc: without proc on /proc, the error says so, and not that the sysctl does not exist.
func TestNoProc(t *testing.T) {
	scratch.Do(t, func() {
		require.NoError(t, unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS))
		require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		require.NoError(t, unix.Mount("none", "/proc", "tmpfs", 0, ""))
		_, err := sysctl.Read("net.ipv4.ip_forward")
		assert.NotErrorIs(t, err, fs.ErrNotExist, "the sysctl may exist")
		assert.ErrorContains(t, err, "/proc/sys/net does not exist: mount proc on /proc")
	})
}

// TestReadOnly: a sysctl that cannot be set is found without setting it.
func TestReadOnly(t *testing.T) {
	scratch.Do(t, func() {
		require.NoError(t, sysctl.Write("net.ipv4.ip_forward", "1"))
		require.NoError(t, sysctl.CheckWritable("net.ipv4.ip_forward"))
		assert.ErrorIs(t, sysctl.CheckWritable("net.ipv4.no_such"), fs.ErrNotExist)

		require.NoError(t, unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS))
		require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		require.NoError(t, unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""))
		require.NoError(t, unix.Mount("", "/proc/sys", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		assert.EqualError(t, sysctl.CheckWritable("net.ipv4.ip_forward"), "set sysctl net.ipv4.ip_forward: read-only file system")
		value, err := sysctl.Read("net.ipv4.ip_forward")
		require.NoError(t, err)
		assert.Equal(t, "1", value)
	})
}
