package ipvs

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestExplain: each refusal has the likely cause, and wraps ErrStale if another process is
// the cause.
func TestExplain(t *testing.T) {
	full := sipService(5)
	other := full.Destinations[0]
	other.Address = netip.MustParseAddr("2001:db8::1")
	plain := full.Service
	plain.PEName = ""
	onService := func(op Op) Change { return Change{Op: op, Service: plain, Previous: plain} }
	onServer := func(op Op) Change {
		return Change{Op: op, Service: plain, Before: full.Destinations[0], After: full.Destinations[0]}
	}
	for _, c := range []struct {
		change Change
		errno  unix.Errno
		want   string
		stale  bool
	}{
		{onService(AddService), unix.EEXIST, "add service fwmark 5 IPv4: file exists (it exists already: another process has added it)", true},
		{onService(AddService), unix.ENOENT, `add service fwmark 5 IPv4: no such file or directory (scheduler "sh" needs the module ip_vs_sh: try "modprobe ip_vs_sh")`, false},
		{onService(EditService), unix.ENOENT, `edit service fwmark 5 IPv4: no such file or directory (scheduler "sh" needs the module ip_vs_sh: try "modprobe ip_vs_sh")`, false},
		{Change{Op: AddService, Service: full.Service}, unix.ENOENT, `add service fwmark 5 IPv4: no such file or directory (scheduler "sh" needs the module ip_vs_sh: try "modprobe ip_vs_sh"; and persistence engine "sip" the module ip_vs_pe_sip)`, false},
		{onService(EditService), unix.ESRCH, "edit service fwmark 5 IPv4: no such process (the service does not exist: another process has deleted it)", true},
		{onService(DelService), unix.ESRCH, "delete service fwmark 5 IPv4: no such process (the service does not exist: another process has deleted it)", true},
		{onServer(AddDestination), unix.EEXIST, "add real server 10.0.0.11 of fwmark 5 IPv4: file exists (it exists already: another process has added it)", true},
		{onServer(EditDestination), unix.ENOENT, "edit real server 10.0.0.11 of fwmark 5 IPv4: no such file or directory (the service has no such real server: another process has deleted it)", true},
		{onServer(DelDestination), unix.ENOENT, "delete real server 10.0.0.11 of fwmark 5 IPv4: no such file or directory (the service has no such real server: another process has deleted it)", true},
		{onServer(AddDestination), unix.EINVAL, "add real server 10.0.0.11 of fwmark 5 IPv4: invalid argument (its address must be unicast, and this network namespace must have an address: is lo up?)", false},
		{Change{Op: AddDestination, Service: plain, After: other}, unix.EINVAL, "add real server 2001:db8::1 of fwmark 5 IPv4: invalid argument (a real server of the other address family needs tunnel forwarding, without a sync daemon)", false},
		{onServer(EditDestination), unix.EINVAL, "edit real server 10.0.0.11 of fwmark 5 IPv4: invalid argument", false},
		{onService(AddService), unix.EAFNOSUPPORT, "add service fwmark 5 IPv4: address family not supported by protocol (this kernel's IPVS does not support IPv6: CONFIG_IP_VS_IPV6 is off)", false},
		{onService(AddService), unix.ENOMEM, "add service fwmark 5 IPv4: cannot allocate memory", false},
	} {
		err := explain(c.change, c.errno)
		require.EqualError(t, err, c.want)
		require.ErrorIs(t, err, c.errno)
		assert.Equal(t, c.stale, errors.Is(err, ErrStale), "%v", err)
	}
}

// TestNamespaceHint: only a missing privilege in a user namespace has the hint.
func TestNamespaceHint(t *testing.T) {
	for errno, isPrivilege := range map[unix.Errno]bool{unix.EPERM: true, unix.EBUSY: false} {
		err := withNamespaceHint(&netlink.KernelError{Errno: errno})
		require.ErrorIs(t, err, errno)
		assert.Equal(t, isPrivilege, errors.Is(err, ErrPrivilege))
		assert.Equal(t, isPrivilege && inUserNamespace(), strings.Contains(err.Error(), "initial user namespace"), "%v", err)
	}
	require.NoError(t, withNamespaceHint(nil))
}

// TestNetmaskNeedsPersistence: without persistence or without a netmask, the service has the
// full length.
func TestNetmaskNeedsPersistence(t *testing.T) {
	for _, c := range []struct {
		persistence   time.Duration
		netmask, want int
	}{{0, 24, 32}, {time.Minute, 0, 32}, {time.Minute, 24, 24}, {0, 0, 32}} {
		cluster := &config.Cluster{Persistence: c.persistence, PersistenceNetmask: c.netmask}
		assert.Equal(t, c.want, compile(config.Binding{Mark: 1, Family: config.IPv4, Cluster: cluster}).Netmask)
	}
}
