// Package vsftpd writes the settings of vsftpd.conf(5) that must agree with the director:
// the ports of data connections and the address in PASV responses.
package vsftpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// Ports of FTP over implicit TLS (IANA: ftps, ftps-data), and of active data connections
// of plain FTP (RFC 959), which is also vsftpd's default of ftp_data_port.
const (
	implicitPort     = render.ImplicitPort
	implicitDataPort = 989
	dataPort         = render.DataPort
)

// Fragment returns the settings for vsftpd.conf on the real servers of an FTP cluster, each
// with its reason. It omits settings whose vsftpd default is right, so the text can
// be appended to an existing configuration. It returns an error if vsftpd cannot use the
// passive ports of the cluster.
func Fragment(c *config.Cluster) (string, error) {
	if _, err := render.PassivePorts(c, "vsftpd"); err != nil {
		return "", err
	}
	var b strings.Builder
	instances := instancesOf(c.FTP)
	writeListener(&b, instances[0])
	writePassive(&b, c)
	writeAddress(&b, c)
	writeActive(&b, c, instances)
	writeForeignClients(&b, c)
	for _, other := range instances[1:] {
		writeFurther(&b, instances[0], other)
	}
	return b.String(), nil
}

// An instance is a vsftpd process: it listens on one port, and opens active data
// connections from one port.
type instance struct {
	port, dataPort uint16
	implicit       bool // TLS from the first byte
}

// settings returns the settings that differ from vsftpd's defaults.
func (i instance) settings() []string {
	var settings []string
	if i.port != config.DefaultControlPort {
		settings = append(settings, fmt.Sprintf("listen_port=%d", i.port))
	}
	if i.implicit {
		settings = append(settings, "ssl_enable=YES", "implicit_ssl=YES")
	}
	return settings
}

// instancesOf returns the instances, the main one first: the instance of port 21, or else
// of the first control port without implicit TLS.
func instancesOf(ftp *config.FTP) []instance {
	instances := make([]instance, 0, len(ftp.ControlPorts))
	for _, port := range ftp.ControlPorts {
		implicit := port == implicitPort
		instances = append(instances, instance{port, dataPortOf(ftp, implicit), implicit})
	}
	rank := func(i instance) int {
		switch {
		case i.port == config.DefaultControlPort:
			return 0
		case !i.implicit:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(instances, func(a, b instance) int { return rank(a) - rank(b) })
	return instances
}

// dataPortOf returns one of the source ports that the director translates, or the standard
// port if it translates none.
func dataPortOf(ftp *config.FTP, implicit bool) uint16 {
	standard := uint16(dataPort)
	if implicit {
		standard = implicitDataPort
	}
	switch {
	case ftp.Active == nil || len(ftp.Active.Ports) == 0 || slices.Contains(ftp.Active.Ports, standard):
		return standard
	case slices.Contains(ftp.Active.Ports, dataPort):
		return dataPort
	}
	return ftp.Active.Ports[0]
}

// ownDataPort reports whether active data leaves from a port that is no standard one.
func ownDataPort(i instance) bool { return i.dataPort != dataPort && i.dataPort != implicitDataPort }

func writeListener(b *strings.Builder, main instance) {
	settings := main.settings()
	if len(settings) == 0 {
		return
	}
	b.WriteString("\n# The director marks this port; vsftpd itself takes 21.\n")
	if main.implicit {
		b.WriteString("# TLS begins with the first byte, and rsa_cert_file has to name a certificate.\n")
	}
	writeSettings(b, settings...)
}

func writePassive(b *strings.Builder, c *config.Cluster) {
	ports := c.FTP.PassiveRange()
	b.WriteString("\n" + render.PassiveComment(c, "vsftpd"))
	if ports.Low < config.MinPassivePort {
		fmt.Fprintf(b, "# vsftpd begins at %d: it takes no lower port for data.\n", config.MinPassivePort)
	}
	for _, port := range c.FTP.ControlPorts {
		if port >= config.MinPassivePort && ports.Low <= port && port <= ports.High {
			fmt.Fprintf(b, "# Port %d is the listener's: vsftpd finds it taken and draws another.\n", port)
		}
	}
	writeSettings(b, fmt.Sprintf("pasv_min_port=%d", ports.Low), fmt.Sprintf("pasv_max_port=%d", ports.High))
}

// writeAddress sets the VIP for PASV responses.
func writeAddress(b *strings.Builder, c *config.Cluster) {
	comment, vip := render.PassiveAddress(c, "vsftpd", "pasv_address")
	b.WriteString(comment)
	if vip.IsValid() {
		writeSettings(b, "pasv_address="+vip.String())
	}
}

func writeActive(b *strings.Builder, c *config.Cluster, instances []instance) {
	ftp, main := c.FTP, instances[0]
	b.WriteString("\n# Active data (PORT, EPRT) leaves from a fixed port, where vsftpd's default is any\n")
	if ftp.Active != nil && ftp.Active.Translate != config.NoTranslation {
		b.WriteString("# high port: the director translates the source of this one only.\n")
	} else {
		b.WriteString("# high port: firewalls of clients may insist on it.\n")
	}
	if mixed := c.Forwards(config.NAT) && (c.Forwards(config.Direct) || c.Forwards(config.Tunnel)); mixed && slices.ContainsFunc(instances, ownDataPort) {
		b.WriteString("# With direct or tunnel forwarding, the director marks the answers to standard ports only:\n" +
			"# render the settings of such a real server with --server.\n")
	}
	writeSettings(b, "connect_from_port_20=YES")
	if main.dataPort != dataPort {
		writeSettings(b, fmt.Sprintf("ftp_data_port=%d", main.dataPort))
	}
}

// writeFurther describes the instance of another control port: vsftpd listens on one port
// only.
func writeFurther(b *strings.Builder, main, other instance) {
	kind := ""
	if other.implicit {
		kind = " (implicit TLS)"
	}
	fmt.Fprintf(b, "\n# Port %d%s needs a vsftpd of its own: a copy of this configuration, and in it\n", other.port, kind)
	settings := other.settings()
	if other.dataPort != main.dataPort {
		settings = append(settings, fmt.Sprintf("ftp_data_port=%d", other.dataPort))
	}
	for _, setting := range settings {
		writeSettings(b, "#   "+setting)
	}
}

func writeSettings(b *strings.Builder, settings ...string) {
	for _, setting := range settings {
		b.WriteString(setting + "\n")
	}
}

// writeForeignClients shows how to allow active data connections to the client: with
// source-nat, the control connection comes from another address. In its default model of two
// processes, vsftpd connects to the address of the control connection although PORT names
// another one (cmd_process_get_data_sock of twoprocess.c).
func writeForeignClients(b *strings.Builder, c *config.Cluster) {
	if c.SourceNAT == config.NoSourceNAT {
		return
	}
	b.WriteString("\n# With source-nat, control connections come from the director, and vsftpd refuses active data\n" +
		"# to the client (PORT, EPRT). These lines allow it, to any address (FTP bounce), and for\n" +
		"# anonymous users only:\n#   port_promiscuous=YES\n#   one_process_model=YES\n")
}
