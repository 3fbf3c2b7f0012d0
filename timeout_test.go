package lvsmark

import (
	"net/netip"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

func TestTimeoutSettings(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	scratch.Do(t, func() {
		k := &netnsKernel{}
		for name, value := range map[string]string{
			config.TimeoutTCP: "7200", config.TimeoutTCPFin: "1", config.TimeoutUDP: "301",
		} {
			require.NoError(t, k.WriteSetting(name, value))
			held, err := k.ReadSetting(name)
			require.NoError(t, err)
			assert.Equal(t, value, held, name)
		}
		assert.Contains(t, scratch.Run(t, "", "ipvsadm", "-l", "--timeout"), "7200 1 301")

		require.ErrorIs(t, k.WriteSetting(config.TimeoutTCP, "2147483647"), unix.EINVAL)
		assert.Contains(t, scratch.Run(t, "", "ipvsadm", "-l", "--timeout"), "7200 1 301")
	})
}

// TestCallsWithoutIPVS: each call that needs IPVS says that there is none.
func TestCallsWithoutIPVS(t *testing.T) {
	if exec.Command("ipvsadm", "-ln").Run() == nil {
		t.Skip("needs a kernel without IPVS")
	}
	k := &netnsKernel{}
	for name, call := range map[string]func() error{
		"read a timeout":  func() error { _, err := k.ReadSetting(config.TimeoutTCP); return err },
		"set a timeout":   func() error { return k.WriteSetting(config.TimeoutTCP, "7200") },
		"read sync":       func() error { _, err := k.ReadSetting(config.SyncMasterSetting); return err },
		"set sync":        func() error { return k.WriteSetting(config.SyncMasterSetting, config.SyncOff) },
		"statistics":      func() error { _, err := k.Statistics(); return err },
		"services":        func() error { _, err := k.Services(); return err },
		"digest":          func() error { _, err := k.ServicesDigest(); return err },
		"change services": func() error { return k.ChangeServices(ipvs.Change{})[0] },
		"service changed": func() error { _, err := k.ServiceChanged(ipvs.Change{}); return err },
	} {
		assert.ErrorIs(t, call(), ipvs.ErrNoIPVS, name)
	}
}

func TestTimeoutValues(t *testing.T) {
	k := &netnsKernel{}
	for _, value := range []string{"", "0", "-1", "5m", "2147483648"} {
		assert.ErrorContains(t, k.WriteSetting(config.TimeoutTCP, value), "not a positive number of seconds", value)
	}
}

// TestSettingLimits: the kernel has signed timeouts of 32 bits, and sysctls that exist.
func TestSettingLimits(t *testing.T) {
	k := &netnsKernel{}
	const mistake = "is not a positive number of seconds"
	for _, value := range []string{"2147483648", "0", "-1", "x"} {
		assert.ErrorContains(t, k.writeTimeout(config.TimeoutTCP, value), mistake, value)
	}
	scratch.Do(t, func() {
		if err := k.writeTimeout(config.TimeoutTCP, "2147483647"); err != nil { // refused for another reason
			assert.NotContains(t, err.Error(), mistake)
		}
	})
	require.Error(t, k.CheckSetting("net.ipv4.no_such_sysctl"))
	require.NoError(t, k.CheckSetting(config.TimeoutTCP))
}

// TestSysctlAfterApply: the value of the spec, then the one that translation of clients needs,
// then the kernel's, then the default.
func TestSysctlAfterApply(t *testing.T) {
	spec := &config.Spec{}
	const none = "net.ipv4.no_such_sysctl"
	assert.Equal(t, "default", valueAfter(spec, none, "default"))
	spec.Director.Sysctls = []config.Sysctl{{Name: none, Value: "7"}}
	assert.Equal(t, "7", valueAfter(spec, none, "default"))
	spec.Clusters = []config.Cluster{{SourceNAT: config.SourceNATMasquerade}}
	assert.Equal(t, "1", valueAfter(spec, config.ConntrackSysctl, "default"))
	assert.Equal(t, "7", valueAfter(spec, none, "default"))
}

// TestLifetimesOfCheckpoint has only the lifetimes of addresses that are not permanent.
func TestLifetimesOfCheckpoint(t *testing.T) {
	address := func(text string) hostaddr.Address {
		return hostaddr.Address{IP: netip.MustParseAddr(text), Device: "lo"}
	}
	permanent, temporary := address("198.51.100.21"), address("198.51.100.22")
	c := &Checkpoint{state: &State{ruleset: &nft.Snapshot{}, addresses: []hostaddr.Local{
		{Address: permanent, Ours: true}, {Address: temporary, Ours: true, Lifetime: 5},
	}}}
	assert.Equal(t, map[hostaddr.Address]hostaddr.Lifetime{temporary: 5}, c.desired().lifetimes)
}
