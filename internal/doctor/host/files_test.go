package host

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func machine(files map[string]string) *Host {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return &Host{Kernel: "6.1", Files: fs}
}

func TestModule(t *testing.T) {
	h := machine(map[string]string{
		"proc/modules":                    "ip_vs 200704 2 ip_vs_rr, Live 0x0\n",
		"usr/lib/modules/6.1/modules.dep": "kernel/ip_vs_rr.ko.xz: kernel/ip_vs.ko.xz\nkernel/nf-nat.ko:\n", "usr/lib/modules/6.1/modules.builtin": "kernel/nf_tables.ko\n",
	})
	for name, want := range map[string]ModuleState{"ip_vs": Loaded, "ip_vs_rr": Available, "nf_nat": Available, "nf_tables": BuiltIn, "ip_vs_wlc": Absent, "ip": Absent} {
		state, err := h.Module(name)
		require.NoError(t, err)
		assert.Equal(t, want, state, name)
	}
	_, err := machine(nil).Module("ip_vs")
	assert.ErrorIs(t, err, ErrNoModules)
}

func TestBlocked(t *testing.T) {
	h := machine(map[string]string{"etc/modprobe.d/a.conf": "# blacklist ip_vs\noptions ip_vs conn_tab_bits=12\ninstall ip_vs_rr /sbin/modprobe -i ip_vs_rr\ninstall\n\ninstall ip_vs_wlc /usr/bin/false # CIS\nblacklist ip_vs_sh\n"})
	for module, want := range map[string]string{"ip_vs": "", "ip_vs_rr": "", "ip_vs_wlc": "/etc/modprobe.d/a.conf:6", "ip_vs_sh": "/etc/modprobe.d/a.conf:7"} {
		assert.Equal(t, want, h.Blocked(module), module)
	}
}

func TestSysctlAtBoot(t *testing.T) {
	h := machine(map[string]string{"etc/sysctl.conf": "; comment\nnet.ipv4.ip_forward=1\n", "etc/sysctl.d/9.conf": "-net/ipv4/vs/conntrack = 1\n"})
	assert.Equal(t, "/etc/sysctl.d/9.conf:1", h.SysctlAtBoot("net.ipv4.vs."))
	assert.Empty(t, h.SysctlAtBoot("net.ipv6."))
}

func TestUnits(t *testing.T) {
	h := machine(map[string]string{
		"etc/systemd/system/a.target.wants/x.service": "", "etc/systemd/system/b.service.requires/x.service": "", "lib/systemd/system/x.service": "[Unit]\n",
		"etc/systemd/system/x.service.d/1.conf": "After=b\n", "etc/systemd/system/masked.service": "", "lib/systemd/system/masked.service": "[Unit]\n",
	})
	assert.True(t, h.HasSystemd())
	assert.Equal(t, []string{"a.target", "b.service"}, h.StartedBy("x.service"))
	assert.False(t, h.Enabled("y.service"))
	assert.Equal(t, "[Unit]\n\nAfter=b", h.Unit("x.service"))
	assert.Empty(t, h.Unit("masked.service"))
	assert.Empty(t, h.Unit("y.service"))
}

func TestParseSocket(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:0016":                         "127.0.0.1:22",
		"00000000000000000000000000000000:0015": "[::]:21",
		"B80D0120000000000000000001000000:0015": "[2001:db8::1]:21",
		"0000000000000000FFFF00000100007F:0016": "127.0.0.1:22",
	} {
		at, ok := parseSocket(text)
		assert.True(t, ok)
		assert.Equal(t, netip.MustParseAddrPort(want), at)
	}
	for _, text := range []string{"", "0100007F", "0100007F:x", "01:0016", "x:1"} {
		_, ok := parseSocket(text)
		assert.False(t, ok, text)
	}
}

func TestReadTable(t *testing.T) {
	assert.Equal(t, 4096, readTable(strings.NewReader("IP Virtual Server version 1.2.1 (size=4096)\nProt\n")))
	assert.Equal(t, 0, readTable(strings.NewReader("IP Virtual Server version 1.2.1\n")))
}
