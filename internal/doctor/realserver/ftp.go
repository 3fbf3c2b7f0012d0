package realserver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func ftpChecks() []check {
	return []check{
		{
			Name: "ftp-range", Summary: "the passive ports of vsftpd, proftpd or pure-ftpd are those of the spec",
			Why: "data connections to other ports have no mark, and do not reach this host", Run: ftpRange,
		},
		{
			Name: "ftp-address", Summary: "the address in answers to PASV: the VIP with nat; the VIP or none with direct and tunnel (IPv4)",
			Why: "clients connect to an address that they cannot reach", Run: ftpAddress,
		},
		{
			Name: "ftp-active-port", Summary: "the source port of active data, with nat",
			Why: "the director translates active data from the ports of the spec only: clients see the real server's address", Run: ftpActivePort,
		},
		{
			Name: "ftp-listen-ipv6", Summary: "vsftpd with listen_ipv6=YES and pasv_address, if it serves IPv4",
			Why: "vsftpd answers PASV with 0,0,0,0 then", Run: ftpListenIPv6,
		},
	}
}

// An ftpServer is a configuration of an FTP server and the real server that it serves.
type ftpServer struct {
	*oldconfig.FTPServer
	Server
	file string

	// unknown is the first line whose meaning is not known, with the reason; nil: none.
	unknown *oldconfig.Remark
}

// ftpServers returns the configurations in /etc, each with the clusters whose control port it
// has. The error says that there is none.
func (s *Subject) ftpServers() (list []ftpServer, err error) {
	files := s.ftpFiles()
	for _, r := range s.Servers {
		ftp := r.Binding.Cluster.FTP
		if ftp == nil {
			continue
		}
		matched := false
		for _, f := range files {
			port := f.Listen
			if port == 0 {
				port = config.DefaultControlPort
			}
			if slices.Contains(ftp.ControlPorts, port) {
				matched = true
				f.Server = r
				list = append(list, f)
			}
		}
		if !matched {
			err = fmt.Errorf("no configuration of vsftpd, proftpd or pure-ftpd in /etc has a control port of cluster %s", r.Binding.Cluster.Name)
		}
	}
	return list, err
}

// ftpFiles reads the configurations in the places of distributions.
func (s *Subject) ftpFiles() (list []ftpServer) {
	for _, pattern := range []string{
		"etc/vsftpd.conf", "etc/vsftpd/*.conf", "etc/proftpd.conf", "etc/proftpd/proftpd.conf", "etc/pure-ftpd.conf",
	} {
		for _, file := range s.Glob(pattern) {
			list = append(list, readFTP(file, s.withIncluded(s.ReadFile(file), 0))...)
		}
	}
	values := s.pureValues()
	if values == "" || strings.Contains(s.Unit("pure-ftpd.service"), "/"+pureFile) {
		return append(list, readFTP(pureFile, s.ReadFile(pureFile))...)
	}
	return append(list, readFTP("etc/pure-ftpd/conf", values)...)
}

// pureFile is the configuration of pure-ftpd in most distributions. Debian has the file too, and does
// not use it: its pure-ftpd-wrapper(8) reads /etc/pure-ftpd/conf.
const pureFile = "etc/pure-ftpd/pure-ftpd.conf"

func readFTP(file, text string) (list []ftpServer) {
	c, err := ftpserver.Read("/"+file, text)
	if err != nil {
		return nil
	}
	var unknown *oldconfig.Remark
	if len(c.NotUnderstood) > 0 {
		unknown = &c.NotUnderstood[0]
	}
	for _, f := range c.FTP {
		list = append(list, ftpServer{FTPServer: f, file: file, unknown: unknown})
	}
	return list
}

// maxIncludes bounds the depth of files that include themselves.
const maxIncludes = 16

// withIncluded replaces Include lines of proftpd by the lines of the files: those of a pattern, or
// all of a directory. No other of the servers has such lines.
func (s *Subject) withIncluded(text string, depth int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) != 2 || !strings.EqualFold(words[0], "Include") || depth == maxIncludes {
			b.WriteString(line)
			continue
		}
		pattern := strings.TrimPrefix(strings.TrimSuffix(strings.Trim(words[1], `"`), "/"), "/")
		for _, file := range append(s.Glob(pattern+"/*"), s.Glob(pattern)...) {
			for _, file := range s.Exists(file) {
				b.WriteString(s.withIncluded(s.ReadFile(file), depth+1) + "\n")
			}
		}
	}
	return b.String()
}

// pureValues returns the files of Debian's /etc/pure-ftpd/conf, each of which has the value
// of one key in its first line, as one configuration.
func (s *Subject) pureValues() string {
	var b strings.Builder
	for _, key := range []string{"PassivePortRange", "ForcePassiveIP", "Bind"} {
		if lines := s.Lines("etc/pure-ftpd/conf/" + key); len(lines) > 0 {
			fmt.Fprintf(&b, "%s %s\n", key, lines[0].Text)
		}
	}
	if b.Len() == 0 && len(s.Exists("etc/pure-ftpd/conf/PAMAuthentication", "etc/pure-ftpd/conf/FSCharset")) > 0 {
		return "ChrootEveryone no\n" // recognised as pure-ftpd.conf without the keys above
	}
	return b.String()
}

// render is the command that prints the right configuration.
func (f ftpServer) render() string {
	command := fmt.Sprintf("lvsmark render %s --cluster %s", f.Program, f.Binding.Cluster.Name)
	if f.Binding.Cluster.Sharded() {
		command += " --server " + cmp.Or(f.Server.Name, f.Address.String())
	}
	return command
}

// each calls the check for each configuration. What it finds in one that has a line whose meaning
// is not known is the reason why the check cannot be made: that line may set the value.
func (s *Subject) each(is func(ftpServer) string) (found []doctor.Finding, err error) {
	list, err := s.ftpServers()
	for _, f := range list {
		text := is(f)
		if text != "" && f.unknown != nil {
			err = cmp.Or(err, fmt.Errorf("/%s: %s: %s", f.file, strings.TrimSpace(f.unknown.Line.Text), f.unknown.Message))
			continue
		}
		if text != "" {
			found = append(found, one(fmt.Sprintf("/%s: %s", f.file, text), f.render()))
		}
	}
	return found, err
}

func ftpRange(s *Subject) ([]doctor.Finding, error) {
	return s.each(func(f ftpServer) string {
		passive := slices.DeleteFunc(slices.Clone(f.Binding.Ports), func(r config.PortRange) bool {
			return !slices.ContainsFunc(f.Binding.Cluster.FTP.PassivePorts, r.Overlaps)
		})
		has := f.PassivePort
		if has.Low == 0 {
			return fmt.Sprintf("no passive ports are set, and cluster %s has %s", f.Binding.Cluster.Name, portsOf(passive))
		}
		if !slices.ContainsFunc(passive, func(r config.PortRange) bool { return r.Low <= has.Low && has.High <= r.High }) {
			return fmt.Sprintf("the passive ports are %s, and cluster %s has %s", has.Ports(), f.Binding.Cluster.Name, portsOf(passive))
		}
		return ""
	})
}

func portsOf(list []config.PortRange) string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = r.Ports()
	}
	return strings.Join(texts, ", ")
}

func ftpAddress(s *Subject) ([]doctor.Finding, error) {
	return s.each(func(f ftpServer) string {
		if f.Binding.Family != config.IPv4 {
			return ""
		}
		vips := f.Binding.VIPs
		isVIP := slices.ContainsFunc(vips, func(r config.AddressRange) bool {
			return f.FTPServer.Address.IsValid() && r.Contains(f.FTPServer.Address)
		})
		switch {
		case isVIP, f.Forwarding != config.NAT && !f.FTPServer.Address.IsValid():
			return ""
		case !f.FTPServer.Address.IsValid():
			return fmt.Sprintf("no address for answers to PASV is set, so the server names its own one (%s) instead of VIP %s", f.Server.Address, vips[0])
		}
		return fmt.Sprintf("the address in answers to PASV is %s, and cluster %s has VIP %s", f.FTPServer.Address, f.Binding.Cluster.Name, vips[0])
	})
}

func ftpActivePort(s *Subject) ([]doctor.Finding, error) {
	return s.each(func(f ftpServer) string {
		active := f.Binding.Cluster.FTP.Active
		if f.Forwarding != config.NAT || active == nil || active.Translate == config.NoTranslation || slices.Contains(active.Ports, f.ActivePort) {
			return ""
		}
		if f.ActivePort == 0 {
			return fmt.Sprintf("active data comes from any port; the director translates port %d", active.Ports[0])
		}
		return fmt.Sprintf("active data comes from port %d; the director translates port %d", f.ActivePort, active.Ports[0])
	})
}

func ftpListenIPv6(s *Subject) ([]doctor.Finding, error) {
	return s.each(func(f ftpServer) string {
		if f.Program != "vsftpd" || f.Binding.Family != config.IPv4 || !f.FTPServer.Address.IsValid() {
			return ""
		}
		for _, l := range s.Lines(f.file) {
			if key, value, _ := strings.Cut(l.Text, "="); key == "listen_ipv6" && slices.Contains([]string{"YES", "TRUE", "1"}, strings.ToUpper(value)) {
				return fmt.Sprintf("line %d: listen_ipv6=%s and pasv_address, and clients of cluster %s use IPv4: let one vsftpd listen on IPv4 (listen=YES) and another one on IPv6", l.Number, value, f.Binding.Cluster.Name)
			}
		}
		return ""
	})
}
