// Package proftpd writes the directives of proftpd.conf that must agree with the director:
// the ports of data connections and the address in PASV responses.
package proftpd

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
		Name:    "proftpd",
		Summary: "directives of proftpd.conf on the real servers",
		Long: `Render proftpd prints the directives of proftpd.conf that must agree with the
director: the ports of data connections and the address in PASV responses. They
are the same on every real server of a cluster, if all have the same address
family; --server prints them for one. They belong to the main server, or into
<Global>.`,
		Example:      `  lvsmark render proftpd --cluster ftp > /etc/proftpd/conf.d/lvsmark.conf`,
		TakesCluster: true,
		Render:       render.PerFTPCluster("proftpd.conf", Fragment),
	}
}

// Fragment returns the directives for proftpd.conf on the real servers of an FTP cluster,
// each with its reason. It returns an error if proftpd cannot use the passive ports.
func Fragment(c *config.Cluster) (string, error) {
	ports, err := render.PassivePorts(c, "proftpd")
	if err != nil {
		return "", err
	}
	if ports.Low == ports.High {
		return "", fmt.Errorf("cluster %s: proftpd refuses a range of one passive port, here %d: give it more passive-ports, or fewer passive-shards", c.Name, ports.Low)
	}
	var b strings.Builder
	writePorts(&b, c.FTP)
	fmt.Fprintf(&b, "\n%sPassivePorts %d %d\n", render.PassiveComment(c, "proftpd"), ports.Low, ports.High)
	writeAddress(&b, c)
	writeActive(&b, c)
	if c.SourceNAT != config.NoSourceNAT {
		b.WriteString("\n# With source-nat, control connections come from the director, and proftpd refuses active\n" +
			"# data to the client (PORT, EPRT). This directive allows it, to any address (FTP bounce):\n#   AllowForeignAddress on\n")
	}
	return b.String(), nil
}

// writePorts writes the control port of the main server, and comments for others: each needs
// a VirtualHost.
func writePorts(b *strings.Builder, ftp *config.FTP) {
	main := mainPort(ftp)
	if main != config.DefaultControlPort {
		fmt.Fprintf(b, "\n# The director marks this port; proftpd itself takes 21.\nPort %d\n", main)
	}
	if main == render.ImplicitPort {
		b.WriteString("# TLS begins with the first byte: mod_tls needs TLSEngine on, and a certificate.\nTLSOptions UseImplicitSSL\n")
	}
	for _, port := range ftp.ControlPorts {
		if port == main {
			continue
		}
		fmt.Fprintf(b, "\n# Port %d needs a server of its own, with the directives below and those of this one:\n#   <VirtualHost 0.0.0.0 ::>\n#     Port %d\n", port, port)
		if port == render.ImplicitPort {
			b.WriteString("#     TLSOptions UseImplicitSSL\n")
		}
		b.WriteString("#   </VirtualHost>\n")
	}
}

// mainPort returns port 21, or else the first control port.
func mainPort(ftp *config.FTP) uint16 {
	if slices.Contains(ftp.ControlPorts, config.DefaultControlPort) {
		return config.DefaultControlPort
	}
	return ftp.ControlPorts[0]
}

// writeAddress sets the VIP for PASV responses. EPSV responses contain only a port.
func writeAddress(b *strings.Builder, c *config.Cluster) {
	comment, vip := render.PassiveAddress(c, "proftpd", "MasqueradeAddress")
	b.WriteString(comment)
	if vip.IsValid() {
		fmt.Fprintf(b, "MasqueradeAddress %s\n", vip)
	}
}

// writeActive describes active data: proftpd opens it from the port below the control port.
func writeActive(b *strings.Builder, c *config.Cluster) {
	b.WriteString("\n# Active data (PORT, EPRT) leaves from the port below the control port, unless RootRevoke\n# is on.\nRootRevoke off\n")
	for _, port := range c.FTP.ControlPorts {
		if c.FTP.Active != nil && c.FTP.Active.Translate != config.NoTranslation && !slices.Contains(c.FTP.Active.Ports, port-1) {
			fmt.Fprintf(b, "# For control port %d that is %d, whose source the director does not translate: add it to\n# active-data.ports of the spec.\n", port, port-1)
		}
	}
}
