package hostcheck

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

// ftpModule finds ip_vs_ftp. It serves each IPv4 connection of nat to one of its ports,
// also of services by mark (tcp_app_conn_bind of net/netfilter/ipvs/ip_vs_proto_tcp.c), and
// takes the address in an answer to PASV for that of the real server (ip_vs_ftp_out of
// ip_vs_ftp.c). If that is the VIP, IPVS sends the data connection to the director. In an
// answer to EPSV there is no address.
func (h Host) ftpModule(spec *config.Spec) []Finding {
	module := filepath.Join(cmp.Or(h.Modules, "/sys/module"), "ip_vs_ftp")
	if _, err := os.Stat(module); err != nil {
		return nil
	}
	ports := modulePorts(filepath.Join(module, "parameters", "ports"))
	var clusters []string
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		if c.FTP != nil && len(config.ServersBy(config.NAT, c.RealServersOf(config.IPv4))) > 0 && slices.ContainsFunc(c.FTP.ControlPorts, func(p uint16) bool { return slices.Contains(ports, p) }) {
			clusters = append(clusters, c.Name)
		}
	}
	if len(clusters) == 0 {
		return nil
	}
	return []Finding{{
		Check: FTPModule, Command: "modprobe -r ip_vs_ftp",
		What:   fmt.Sprintf("the kernel module ip_vs_ftp is loaded: it replaces the answers to PASV of %s, and if these name the VIP, as with the output of `lvsmark render vsftpd`, their data connections fail", lookup.Listed(clusters)),
		Remedy: "unload it with `modprobe -r ip_vs_ftp`, which is possible when its connections have ended",
	}}
}

// modulePorts reads the parameter of the module, whose default is 21.
func modulePorts(path string) []uint16 {
	text, err := os.ReadFile(path)
	if err != nil {
		return []uint16{config.DefaultControlPort}
	}
	var ports []uint16
	for field := range strings.SplitSeq(strings.TrimSpace(string(text)), ",") {
		if port, err := strconv.ParseUint(field, 10, 16); err == nil && port > 0 {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}
