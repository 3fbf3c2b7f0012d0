package lvsmark

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
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
