package host

import (
	"io/fs"
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
	h := machine(map[string]string{
		"etc/modprobe.d/a.conf": "# blacklist ip_vs\noptions ip_vs conn_tab_bits=12\ninstall ip_vs_rr /sbin/modprobe -i ip_vs_rr\ninstall\n\ninstall ip_vs_wlc /usr/bin/false # CIS\nblacklist nf_tables\n" +
			"install ip_vs_lc { /sbin/modprobe --ignore-install ip_vs_lc; }\ninstall ip-vs-sed /bin/sh -c 'exit 1'\ninstall ip_vs_nq :\nblacklist ip_vs_sh\n",
		"run/modprobe.d/b.conf": "blacklist nft-chain-nat\n", "usr/local/lib/modprobe.d/c.conf": "install ip_vs_dh /bin/true\n", "usr/lib/modprobe.d/a.conf": "install ip_vs /bin/true\n",
	})
	for module, want := range map[string]string{
		"ip_vs": "", "ip_vs_rr": "", "ip_vs_lc": "", "ip_vs_wlc": "/etc/modprobe.d/a.conf:6", "nf_tables": "/etc/modprobe.d/a.conf:7", "ip_vs_sed": "/etc/modprobe.d/a.conf:9", "ip_vs_nq": "/etc/modprobe.d/a.conf:10",
		"nft_chain_nat": "/run/modprobe.d/b.conf:1", "ip_vs_dh": "/usr/local/lib/modprobe.d/c.conf:1",
		"ip_vs_sh": "", // the kernel requests it by name
	} {
		if block := h.Blocked(module); want == "" {
			assert.Nil(t, block, module)
		} else {
			assert.Equal(t, &Block{want, "remove that line"}, block, module)
		}
	}
	assert.False(t, h.Frozen())
}

// TestBootParameters has the parameters of the kernel and of kmod.
func TestBootParameters(t *testing.T) {
	h := machine(map[string]string{"proc/cmdline": "root=/dev/sda1 module_blacklist=floppy,ip-vs-wlc modprobe.blacklist=ip_vs,ip_vs_rr modules-load=nf_tables quiet\n", "proc/sys/kernel/modules_disabled": "1\n"})
	assert.Equal(t, "module_blacklist of the kernel command line", h.Blocked("ip_vs_wlc").By)
	assert.Equal(t, "modprobe.blacklist of the kernel command line", h.Blocked("ip_vs").By)
	assert.Nil(t, h.Blocked("ip_vs_rr"))
	assert.True(t, h.LoadedAtBoot("nf_tables"))
	assert.False(t, h.LoadedAtBoot("ip_vs"))
	assert.True(t, h.Frozen())
}

func TestLoadedAtBoot(t *testing.T) {
	for name, text := range map[string]string{
		"etc/modules-load.d/a.conf": "ip-vs\n", "run/modules-load.d/a.conf": "ip_vs\n", "usr/local/lib/modules-load.d/a.conf": "ip_vs\n", "lib/modules-load.d/a.conf": "; x\n ip_vs\n", "etc/modules": "ip_vs\n",
	} {
		assert.True(t, machine(map[string]string{name: text}).LoadedAtBoot("ip_vs"), name)
	}
	assert.False(t, machine(map[string]string{"usr/lib/modules-load.d/a.conf": "ip_vs\n", "etc/modules-load.d/a.conf": ""}).LoadedAtBoot("ip_vs"))
	assert.False(t, machine(map[string]string{"etc/modules-load.d/a": "ip_vs\n"}).LoadedAtBoot("ip_vs"))
}

func TestSysctlAtBoot(t *testing.T) {
	h := machine(map[string]string{"etc/sysctl.conf": "; comment\nnet.ipv4.ip_forward=1\n", "etc/sysctl.d/9.conf": "-net/ipv4/vs/conntrack = 1\n"})
	assert.Equal(t, "/etc/sysctl.d/9.conf:1", h.SysctlAtBoot("net.ipv4.vs."))
	assert.Empty(t, h.SysctlAtBoot("net.ipv6."))
	for _, name := range []string{"run/sysctl.d/1.conf", "usr/local/lib/sysctl.d/1.conf", "usr/lib/sysctl.d/1.conf"} {
		h = machine(map[string]string{name: "- net.ipv4.vs.conntrack=1\n"})
		assert.Equal(t, "/"+name+":1", h.SysctlAtBoot("net.ipv4.vs."))
		h.Files.(fstest.MapFS)["etc/sysctl.d/1.conf"] = &fstest.MapFile{} // in its place
		assert.Empty(t, h.SysctlAtBoot("net.ipv4.vs."))
	}
}

func TestUnits(t *testing.T) {
	h := machine(map[string]string{
		"etc/systemd/system/a.target.wants/x.service": "", "etc/systemd/system/b.service.requires/x.service": "", "lib/systemd/system/x.service": "[Unit]\n",
		"etc/systemd/system/x.service.d/1.conf": "After=b\n", "etc/systemd/system/masked.service": "", "lib/systemd/system/masked.service": "[Unit]\n",
	})
	assert.True(t, h.HasSystemd())
	assert.Equal(t, []string{"a.target", "b.service"}, h.StartedBy("x.service"))
	assert.False(t, h.Enabled("y.service"))
	assert.Equal(t, "[Unit]\nAfter=b\n", h.Unit("x.service"))
	assert.Empty(t, h.Unit("masked.service"))
	assert.Empty(t, h.Unit("y.service"))
}

// TestUnitSyntax has what systemd.syntax(7) allows, and drop-in files of each directory.
func TestUnitSyntax(t *testing.T) {
	h := machine(map[string]string{
		"usr/lib/systemd/system/x.service":              "# After=a\n[Unit]\nAfter = b \\\n# comment\n  c\n;After=d\n\nExecStart=x=\"y\"\n",
		"usr/lib/systemd/system/x.service.d/2.conf":     "After=e\n",
		"etc/systemd/system/x.service.d/2.conf":         "After=f\n",
		"run/systemd/system/x.service.d/1.conf":         "After=g\n",
		"usr/local/lib/systemd/system/x.service.d/note": "After=h\n",
	})
	assert.Equal(t, "[Unit]\nAfter=b  c\nExecStart=x=\"y\"\nAfter=g\nAfter=f\n", h.Unit("x.service"))
}

// TestStartedBy has the ways in which a unit is started at boot besides links in /etc/systemd.
func TestStartedBy(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"vendor":               {map[string]string{"usr/lib/systemd/system/a.target.wants/x.service": "", "lib/systemd/system/a.target.wants/x.service": ""}, []string{"a.target"}},
		"script":               {map[string]string{"etc/init.d/x": "#!/bin/sh\n", "etc/rc3.d/S01x": ""}, []string{"multi-user.target"}},
		"script, disabled":     {map[string]string{"etc/init.d/x": "#!/bin/sh\n", "etc/rc3.d/K01x": ""}, nil},
		"script and a unit":    {map[string]string{"etc/init.d/x": "#!/bin/sh\n", "etc/rc3.d/S01x": "", "lib/systemd/system/x.service": "[Unit]\n"}, nil},
		"script, masked":       {map[string]string{"etc/init.d/x": "#!/bin/sh\n", "etc/rc3.d/S01x": "", "etc/systemd/system/x.service": ""}, nil},
		"links without script": {map[string]string{"etc/rc3.d/S01x": ""}, nil},
	} {
		assert.Equal(t, c.want, machine(c.files).StartedBy("x.service"), name)
	}
	h := machine(map[string]string{"etc/systemd/system/a.target.wants/x.service": "", "etc/systemd/system/x.service": ""})
	assert.False(t, h.Enabled("x.service"), "masked")
}

// TestUnread: files and directories that cannot be read are kept, those that do not exist are not.
func TestUnread(t *testing.T) {
	h := machine(map[string]string{"etc/modprobe.d/a.conf": ""})
	h.Blocked("ip_vs")
	require.NoError(t, h.TakeUnread())
	h.Files = denied{h.Files, "etc/modprobe.d/a.conf"}
	h.Blocked("ip_vs")
	require.EqualError(t, h.TakeUnread(), "/etc/modprobe.d/a.conf: permission denied")
	require.NoError(t, h.TakeUnread())
	for name, read := range map[string]func(*Host){
		"etc/modprobe.d":                  func(h *Host) { h.Blocked("ip_vs") },
		"etc/modules-load.d":              func(h *Host) { h.LoadedAtBoot("ip_vs") },
		"etc/sysctl.d":                    func(h *Host) { h.SysctlAtBoot("net.") },
		"etc/systemd/system":              func(h *Host) { h.Enabled("x.service") },
		"etc/systemd/system/x.service":    func(h *Host) { h.Unit("x.service") },
		"lib/modules/6.1/modules.builtin": func(h *Host) { _, _ = h.Module("ip_vs") },
		"etc/vsftpd":                      func(h *Host) { h.Glob("etc/vsftpd/*.conf") },
		"etc/ipvsadm.rules":               func(h *Host) { h.Exists("etc/ipvsadm.rules") },
	} {
		h := &Host{Kernel: "6.1", Files: denied{fstest.MapFS{}, name}}
		read(h)
		require.EqualError(t, h.TakeUnread(), "/"+name+": permission denied")
	}
}

// denied are files of which the user may not read one.
type denied struct {
	fs.FS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.FS.Open(name)
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
