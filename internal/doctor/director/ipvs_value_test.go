package director_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/ipvs"
)

// ipvsHost has IPVS with the settings of a new kernel, except for the TCP timeout.
func ipvsHost() *host.Host {
	h := &host.Host{Sysctls: map[string]string{}}
	for name, value := range map[string]string{"expire_nodest_conn": "0", "expire_quiescent_template": "0", "conn_reuse_mode": "1", "sloppy_tcp": "0", "conntrack": "0"} {
		h.Sysctls["net.ipv4.vs."+name] = value
	}
	h.IPVS.Value.Timeouts.TCP = 2 * time.Hour
	return h
}

// fixes returns the findings as "name: command", with "apply: " before those of apply.
func fixes(r doctor.Report) (list []string) {
	for _, result := range r {
		for _, f := range result.Findings {
			prefix := ""
			if f.Apply {
				prefix = "apply: "
			}
			list = append(list, prefix+result.Name+": "+f.Command)
		}
	}
	return list
}

// TestFixes: of a trap that the spec forbids, apply is the remedy; else it is a change of the
// spec, or a command.
func TestFixes(t *testing.T) {
	netmask := func(h *host.Host) {
		h.IPVS.Value.Services = []ipvs.VirtualService{{Service: ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "rr", Timeout: 5 * time.Minute}}}
	}
	set := func(name, value string) func(*host.Host) {
		return func(h *host.Host) { h.Sysctls[name] = value }
	}
	for _, c := range []struct {
		name, director string
		change         func(*host.Host)
		want           []string
	}{
		{"nothing", "{bind: true}", func(*host.Host) {}, nil},
		{"reuse mode", "{bind: true}", set("net.ipv4.vs.conn_reuse_mode", "0"), []string{"conn-reuse-mode: in the spec: director.sysctls: {net.ipv4.vs.conn_reuse_mode: 1}"}},
		{"reuse mode of the spec", "{sysctls: {net.ipv4.vs.conn_reuse_mode: 1}}", set("net.ipv4.vs.conn_reuse_mode", "0"), []string{"apply: conn-reuse-mode: lvsmark apply"}},
		{"another reuse mode of the spec", "{sysctls: {net.ipv4.vs.conn_reuse_mode: 0}}", set("net.ipv4.vs.conn_reuse_mode", "0"), []string{"conn-reuse-mode: in the spec: director.sysctls: {net.ipv4.vs.conn_reuse_mode: 1}"}},
		{"timeout", "{bind: true}", func(h *host.Host) { h.IPVS.Value.Timeouts.TCP = 15 * time.Minute }, []string{"tcp-timeout: in the spec: director.ipvs-timeouts: {tcp: 2h}"}},
		{"timeout of the spec", "{ipvs-timeouts: {tcp: 2h}}", func(h *host.Host) { h.IPVS.Value.Timeouts.TCP = 15 * time.Minute }, []string{"apply: tcp-timeout: lvsmark apply"}},
		{"netmask", "{bind: true}", netmask, []string{"apply: persistence-netmask: lvsmark apply"}},
		{"netmask of another manager", "{bind: false}", netmask, []string{"persistence-netmask: ipvsadm -E -f 21 -s rr -p 300 -M 255.255.255.255"}},
		{"service by address", "{bind: true}", func(h *host.Host) {
			h.IPVS.Value.AddressServices = []ipvs.AddressService{
				{Protocol: config.TCP, Address: netip.MustParseAddrPort("198.51.100.21:0")},
				{Protocol: config.UDP, Address: netip.MustParseAddrPort("198.51.100.21:21")},
				{Protocol: config.TCP, Address: netip.MustParseAddrPort("198.51.100.21:15000")},
				{Protocol: config.TCP, Address: netip.MustParseAddrPort("198.51.100.22:21")},
			}
		}, []string{"address-services: ipvsadm -D -t 198.51.100.21:0", "address-services: ipvsadm -D -t 198.51.100.21:15000"}},
		{"forwarding", "{bind: true}", set("net.ipv4.ip_forward", "0"), []string{"apply: forwarding: lvsmark apply"}},
		{"forwarding of others", "{ip-forward: false}", set("net.ipv4.ip_forward", "0"), []string{"forwarding: sysctl -w net.ipv4.ip_forward=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checks, err := doctor.Select(director.Checks(), doctor.Selection{Only: []string{
				"forwarding", "expire-nodest-conn", "expire-quiescent-template", "conn-reuse-mode", "sloppy-tcp", "tcp-timeout", "persistence-netmask", "address-services", "ip-vs-ftp",
			}})
			require.NoError(t, err)
			h := ipvsHost()
			h.Sysctls["net.ipv4.ip_forward"] = "1"
			c.change(h)
			report := doctor.Run(checks, &director.Subject{Host: h, Spec: parse(t, strings.Replace(spec, "{bind: false}", c.director, 1))})
			assert.Equal(t, c.want, fixes(report))
			assert.Zero(t, report.Unchecked())
		})
	}
}
