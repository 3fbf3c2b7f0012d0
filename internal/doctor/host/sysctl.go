package host

import (
	"os"
	"strings"

	"github.com/lvsmark/lvsmark/internal/sysctl"
)

// sysctlNames are the sysctls that do not belong to a device.
func sysctlNames() []string {
	return []string{
		"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.vs.conntrack", "net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.expire_quiescent_template",
		"net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.sloppy_tcp",
		"net.netfilter.nf_conntrack_count", conntrackMax,
		"net.netfilter.nf_conntrack_helper", "net.netfilter.nf_conntrack_tcp_loose",
	}
}

// readSysctls reads the sysctls of the host and those of each device. One that cannot be
// read counts as missing: its module is not loaded.
func readSysctls(devices []Device) map[string]string {
	names := sysctlNames()
	for _, device := range append([]Device{{Name: "all"}}, devices...) {
		for _, name := range []string{"rp_filter", "src_valid_mark", "forwarding", "arp_ignore", "arp_announce"} {
			names = append(names, ConfSysctl(device.Name, name))
		}
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		if value, err := sysctl.Read(name); err == nil {
			values[name] = value
		}
	}
	return values
}

// conntrackMax is a sysctl of all namespaces, which the initial network namespace alone can set.
// Its value limits the connections of each namespace.
const conntrackMax = "net.netfilter.nf_conntrack_max"

// isReadOnly reports whether nobody may write a sysctl in the namespace of the thread: its file has
// the mode 0444 there (nf_conntrack_standalone_init_sysctl of net/netfilter/nf_conntrack_standalone.c).
func isReadOnly(name string) bool {
	const write = 0o222
	info, err := os.Stat("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	return err == nil && info.Mode()&write == 0
}
