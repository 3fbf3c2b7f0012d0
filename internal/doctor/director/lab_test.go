package director_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/ipvs"
)

// spec needs no IPVS: active data leaves with the VIP, which is the address of wan.
const spec = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {active-data: {translate: snat, source: 10.0.0.0/24}}
    real-servers: [{name: rs1, address: 10.0.0.11}]
director: {bind: false}
`

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

// files is a machine with systemd, lvsmark.service and the modules of the spec.
func files() map[string]string {
	unit, err := os.ReadFile("../../../packaging/systemd/lvsmark.service")
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"lib/modules/KERNEL/modules.builtin":                            "kernel/net/netfilter/nf_tables.ko\nkernel/net/netfilter/nft_chain_nat.ko\n",
		"lib/modules/KERNEL/modules.dep":                                "kernel/net/netfilter/ipvs/ip_vs.ko: x\nkernel/net/netfilter/ipvs/ip_vs_wlc.ko.xz:\nkernel/net/netfilter/nft_socket.ko.zst:\n",
		"lib/systemd/system/lvsmark.service":                            string(unit),
		"etc/systemd/system/multi-user.target.wants/lvsmark.service":    "",
		"etc/systemd/system/multi-user.target.wants/nftables.service":   "",
		"etc/systemd/system/multi-user.target.wants/keepalived.service": "",
		"etc/modules-load.d/ip_vs.conf":                                 "ip_vs\n",
		"etc/nftables.conf":                                             "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n}\n",
		"etc/keepalived/keepalived.conf":                                "vrrp_instance a {\n  interface wan\n  virtual_router_id 5\n}\n",
	}
}

// inDirector calls f in a namespace of a director without traps: wan with the default route
// and the VIP, lan towards the real server. The router and the real server are the namespace
// $FAR, which the commands of run can name.
func inDirector(t *testing.T, f func()) {
	t.Helper()
	need.Root(t)
	need.Programs(t, "ip", "sysctl", "nft")
	far := fmt.Sprintf("lvsmark-doctor-%d", os.Getpid())
	scratch.Run(t, "", "ip", "netns", "add", far)
	defer scratch.Run(t, "", "ip", "netns", "delete", far)
	t.Setenv("FAR", far)
	scratch.Do(t, func() {
		run(t, "ip link set lo up; ip link add wan type veth peer name client netns $FAR; ip link add lan type veth peer name server netns $FAR; "+
			"ip -n $FAR link set client up; ip -n $FAR link set server up; ip link set wan up; ip link set lan up; "+
			"ip -n $FAR address add 198.51.100.1/24 dev client; ip -n $FAR address add 10.0.0.11/24 dev server; "+
			"ip address add 198.51.100.21/24 dev wan; ip address add 10.0.0.1/24 dev lan; ip route add default via 198.51.100.1; "+
			"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.wan.rp_filter=0 net.ipv4.conf.lan.rp_filter=0")
		if conn, err := ipvs.Open(); err == nil {
			conn.Close()
			run(t, "ipvsadm --set 7200 120 300") // the kernel's defaults are a trap
		}
		f()
	})
}

// run executes commands, separated by "; ".
func run(t *testing.T, commands string) {
	t.Helper()
	for command := range strings.SplitSeq(commands, "; ") {
		if words := strings.Fields(os.ExpandEnv(command)); len(words) > 0 {
			scratch.Run(t, "", words[0], words[1:]...)
		}
	}
	scratch.Settle(t)
}

// examine reads the host and makes the checks. TCP connections succeed.
func examine(t *testing.T, yaml string, files map[string]string, change func(*host.Host)) doctor.Report {
	t.Helper()
	s := parse(t, yaml)
	h, routes, err := host.Read("/")
	require.NoError(t, err)
	defer routes.Close()
	h.ReadDirector("/", s)
	h.Kernel, h.Files = "KERNEL", mapFS(files)
	h.Connect = func(list []addrPort) map[addrPort]error { return nil }
	if change != nil {
		change(h)
	}
	return doctor.Run(director.Checks(), &director.Subject{Host: h, Spec: s})
}

func mapFS(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

// texts returns the findings as "name: text".
func texts(r doctor.Report) (list []string) {
	for _, result := range r {
		for _, f := range result.Findings {
			list = append(list, result.Name+": "+f.Text)
		}
	}
	return list
}

// commands returns the commands of the findings.
func commands(r doctor.Report) (list []string) {
	for _, result := range r {
		for _, f := range result.Findings {
			list = append(list, f.Command)
		}
	}
	return list
}

// withoutIPVS are the checks that need IPVS. On a kernel without it they are not made.
func withoutIPVS(r doctor.Report) (names []string) {
	for _, result := range r {
		if result.NotChecked == host.ErrNoIPVS.Error() {
			names = append(names, result.Name)
		}
	}
	return names
}

// A trap is set by commands or by files, and is found by one check.
type trap struct {
	name     string
	commands string
	ruleset  string            // of nft
	files    map[string]string // changes of files; "-": removed
	yaml     string            // replacements in the spec: "old => new"
	want     []string
	mends    bool // the commands of the findings remove the trap
}

func (c trap) spec() string {
	old, replacement, found := strings.Cut(c.yaml, " => ")
	if !found {
		return spec
	}
	return strings.Replace(spec, old, replacement, 1)
}

func (c trap) machine() map[string]string {
	all := files()
	for name, text := range c.files {
		if all[name] = text; text == "-" {
			delete(all, name)
		}
	}
	return all
}

// TestTraps sets each trap in the lab of a director, and none. Short runs, on an emulated
// kernel, set some of them.
func TestTraps(t *testing.T) {
	for i, c := range slices.Concat([]trap{{name: "no trap"}}, bootTraps(), routeTraps(), ruleTraps(), portTraps()) {
		const some = 5
		if testing.Short() && i%some != 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				run(t, c.commands)
				if c.ruleset != "" {
					scratch.Run(t, strings.ReplaceAll(c.ruleset, "} }", "}\n}\n"), "nft", "-f", "-")
				}
				report := examine(t, c.spec(), c.machine(), nil)
				assert.Equal(t, c.want, texts(report))
				if c.mends {
					run(t, strings.Join(commands(report), "; "))
					assert.Empty(t, texts(examine(t, c.spec(), c.machine(), nil)))
				}
				for _, r := range report {
					if r.NotChecked != "" {
						assert.Contains(t, withoutIPVS(report), r.Name, r.NotChecked)
					}
				}
			})
		})
	}
}

// TestNoIPVS names the checks that need IPVS.
func TestNoIPVS(t *testing.T) {
	inDirector(t, func() {
		report := examine(t, spec, files(), func(h *host.Host) {
			h.IPVS = host.Fact[host.IPVS]{Err: host.ErrNoIPVS}
			for name := range h.Sysctls {
				if strings.HasPrefix(name, "net.ipv4.vs.") {
					delete(h.Sysctls, name)
				}
			}
		})
		assert.Equal(t, []string{
			"expire-nodest-conn", "expire-quiescent-template", "conn-reuse-mode", "sloppy-tcp", "tcp-timeout",
			"persistence-netmask", "address-services", "passive-range", "ipvs-table",
		}, withoutIPVS(report))
	})
}

// TestEachCheck: each check has a lab in which its trap is set, or is one of these, which
// other tests and the script doctor.txtar have.
func TestEachCheck(t *testing.T) {
	found := map[string]bool{"drift": true, "listeners": true, "server-port": true, "conntrack-table": true, "passive-range": true, "ipvs-table": true}
	for _, c := range slices.Concat(bootTraps(), routeTraps(), ruleTraps(), portTraps(), ipvsTraps()) {
		for _, text := range c.want {
			name, _, _ := strings.Cut(text, ": ")
			found[name] = true
		}
	}
	for _, name := range doctor.Names(director.Checks()) {
		assert.True(t, found[name], name)
		delete(found, name)
	}
	assert.Empty(t, found)
}
