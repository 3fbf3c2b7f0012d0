// Package pureftpd writes the settings of pure-ftpd(8) that must agree with the director:
// the ports of data connections and the address in PASV responses.
package pureftpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// Target renders the Fragment of each FTP cluster.
func Target() render.Target {
	return render.Target{
		Name:    "pure-ftpd",
		Summary: "settings of pure-ftpd.conf on the real servers",
		Long: `Render pure-ftpd prints the settings of pure-ftpd.conf that must agree with the
director: the ports of data connections and the address in PASV responses. They
are the same on every real server of a cluster, if all have the same address
family; --server prints them for one. Comments show the same as arguments of
pure-ftpd; Debian has a file in /etc/pure-ftpd/conf for each setting.`,
		Example:      `  lvsmark render pure-ftpd --cluster ftp >> pure-ftpd.conf`,
		TakesCluster: true,
		Render:       render.PerFTPCluster("pure-ftpd.conf", Fragment),
	}
}

// Fragment returns the settings for pure-ftpd.conf on the real servers of an FTP cluster,
// each with its reason. It returns an error if pure-ftpd cannot use the passive ports.
func Fragment(c *config.Cluster) (string, error) {
	ports, err := render.PassivePorts(c, "pure-ftpd")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	main := config.DefaultControlPort
	if !slices.Contains(c.FTP.ControlPorts, uint16(main)) {
		main = int(c.FTP.ControlPorts[0])
		fmt.Fprintf(&b, "\n# The director marks this port; pure-ftpd itself takes 21. Argument: -S ,%d\nBind ,%[1]d\n", main)
	}
	for _, port := range c.FTP.ControlPorts {
		if int(port) != main {
			fmt.Fprintf(&b, "\n# Port %d needs a pure-ftpd of its own, with -S ,%[1]d in addition.\n", port)
		}
		if port == render.ImplicitPort {
			b.WriteString("# TLS begins with the first byte there: pure-ftpd needs -Y 3, or TLS 3.\n")
		}
	}
	fmt.Fprintf(&b, "\n%s# Argument: -p %d:%d\nPassivePortRange %[2]d %[3]d\n", render.PassiveComment(c, "pure-ftpd"), ports.Low, ports.High)
	writeAddress(&b, c)
	writeActive(&b, c)
	if c.SourceNAT != config.NoSourceNAT {
		b.WriteString("\n# With source-nat, control connections come from the director, and pure-ftpd refuses active\n" +
			"# data to the client (PORT, EPRT). These settings allow it, to any address (FTP bounce):\n" +
			"#   AllowUserFXP yes\n#   AllowAnonymousFXP yes\n")
	}
	return b.String(), nil
}

// writeAddress sets the VIP for PASV responses. EPSV responses contain only a port.
func writeAddress(b *strings.Builder, c *config.Cluster) {
	comment, vip := render.PassiveAddress(c, "pure-ftpd", "ForcePassiveIP")
	b.WriteString(comment)
	if vip.IsValid() {
		fmt.Fprintf(b, "# Argument: -P %s\nForcePassiveIP %[1]s\n", vip)
	}
}

// writeActive describes active data: pure-ftpd always tries port 20 first.
func writeActive(b *strings.Builder, c *config.Cluster) {
	b.WriteString("\n# Active data (PORT, EPRT) leaves from port 20; no setting changes that.\n")
	if c.FTP.Active != nil && c.FTP.Active.Translate != config.NoTranslation && !slices.Contains(c.FTP.Active.Ports, render.DataPort) {
		b.WriteString("# The director does not translate its source: add 20 to active-data.ports of the spec.\n")
	}
}
