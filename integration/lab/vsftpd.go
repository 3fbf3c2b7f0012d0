package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// vsftpdSettings are the settings of vsftpd in addition to `lvsmark render vsftpd`.
// require_ssl_reuse keeps its default, YES: a data connection must resume the TLS
// session of its control connection. Only one vsftpd process has the keys, so this
// proves too that both connections reached the same real server. isolate_network (a
// network namespace for each session) is off for speed. connect_timeout is short for
// active connections without an answer, the other timeouts are long for sessions that
// tests hold. max_per_ip is off because clients share an address. strict_ssl_read_eof is
// off because uploads of lftp may end without close_notify (its default is YES, although
// vsftpd.conf(5) says NO); the lab compares all files anyway.
const vsftpdSettings = `
ftpd_banner=%[1]s
background=NO
secure_chroot_dir=%[2]s
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root=%[3]s
write_enable=YES
anon_upload_enable=YES
anon_umask=022
ssl_enable=YES
allow_anon_ssl=YES
rsa_cert_file=%[4]s
ssl_ciphers=HIGH
strict_ssl_read_eof=NO
isolate_network=NO
connect_timeout=30
data_connection_timeout=1200
idle_session_timeout=1200
max_per_ip=0
xferlog_enable=YES
log_ftp_protocol=YES
`

// StartFTP starts vsftpd on every real server with the configuration of `lvsmark
// render vsftpd` for the lab's spec: one process for each family and control port.
// The control ports must be those of the spec. If the same servers run already, they
// continue; servers with another configuration are stopped, with their sessions.
func (l *Lab) StartFTP(controlPorts ...uint16) error {
	rendered, err := l.renderVsftpd()
	if err != nil {
		return err
	}
	configuration := fmt.Sprint(rendered, controlPorts)
	if configuration == l.ftpConfiguration {
		return nil
	}
	if err := l.StopFTP(); err != nil {
		return err
	}
	err = l.eachFTP(controlPorts, func(s *RealServer, port uint16, f config.Family) error {
		return s.startFTP(configurationForPort(rendered[s.Address(f)], port), port, f)
	})
	if err != nil {
		return err
	}
	l.ftpConfiguration = configuration
	return l.eachFTP(controlPorts, (*RealServer).waitFTP)
}

// renderVsftpd returns the output of `lvsmark render vsftpd` for each address of a real
// server. It is the same for all, unless they have shards.
func (l *Lab) renderVsftpd() (map[netip.Addr]string, error) {
	texts := map[netip.Addr]string{}
	common := ""
	for _, s := range l.Servers {
		for _, f := range l.Families {
			verb := []string{"render", "vsftpd"}
			if l.Sharded {
				verb = append(verb, "--server", s.Address(f).String())
			} else if common != "" {
				texts[s.Address(f)] = common
				continue
			}
			rendered, err := l.Lvsmark(verb...)
			if err == nil && rendered.Status != 0 {
				err = fmt.Errorf("lvsmark render vsftpd: exit status %d: %s", rendered.Status, rendered.Text)
			}
			if err != nil {
				return nil, err
			}
			texts[s.Address(f)], common = rendered.Text, rendered.Text
		}
	}
	return texts, nil
}

// eachFTP calls do for every combination of real server, control port and family.
func (l *Lab) eachFTP(ports []uint16, do func(*RealServer, uint16, config.Family) error) error {
	for _, server := range l.Servers {
		for _, port := range ports {
			for _, f := range l.Families {
				if err := do(server, port, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// StopFTP stops vsftpd on every real server.
func (l *Lab) StopFTP() error {
	l.ftpConfiguration = ""
	for _, server := range l.Servers {
		for _, p := range server.ftp {
			if err := p.stop(); err != nil {
				return err
			}
		}
		server.ftp = nil
	}
	return nil
}

// configurationForPort returns the configuration for a control port. For a further
// port, it is a copy with the settings that the configuration has as comments for
// that port.
func configurationForPort(configuration string, port uint16) string {
	_, further, found := strings.Cut(configuration, fmt.Sprintf("# Port %d ", port))
	if !found {
		return configuration
	}
	for line := range strings.Lines(further) {
		if setting, ok := strings.CutPrefix(line, "#   "); ok {
			configuration += setting
		} else if line == "\n" {
			break
		}
	}
	return configuration
}

// startFTP starts one vsftpd for one family: with listen_ipv6, an IPv4 client would
// get 0,0,0,0 as pasv_address.
func (s *RealServer) startFTP(configuration string, port uint16, f config.Family) error {
	base := filepath.Join(s.lab.Dir, fmt.Sprintf("%s-vsftpd-%s-%d", s.Name, f, port))
	text := configuration + fmt.Sprintf(vsftpdSettings, s.Name, s.emptyDir(), s.Dir, s.lab.keyFile()) +
		fmt.Sprintf("listen=%s\nlisten_ipv6=%s\n", yesNo(f == config.IPv4), yesNo(f == config.IPv6)) +
		fmt.Sprintf("vsftpd_log_file=%s.ftp.log\n", base)
	text += s.lab.FTPSettings + s.FTPSettings
	if s.lab.Rate > 0 {
		text += fmt.Sprintf("anon_max_rate=%d\ntrans_chunk_size=8192\n", s.lab.Rate) // small chunks make the rate even
	}
	if err := os.WriteFile(base+".conf", []byte(text), 0o600); err != nil {
		return err
	}
	p, err := s.Start(base+".log", "vsftpd", base+".conf")
	s.ftp = append(s.ftp, p)
	return err
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// waitFTP waits until the server accepts connections.
func (s *RealServer) waitFTP(port uint16, f config.Family) error {
	to := netip.AddrPortFrom(s.Address(f), port).String()
	return s.lab.poll("vsftpd on "+s.Name+" at "+to, func() bool {
		return s.Do(func() error {
			conn, err := net.Dial("tcp", to)
			if err != nil {
				return err
			}
			return conn.Close()
		}) == nil
	})
}

// Logs returns the logs of the servers, for the report of a failed test.
func (l *Lab) Logs() string {
	var b strings.Builder
	logs, _ := filepath.Glob(filepath.Join(l.Dir, "*.log"))
	for _, log := range logs {
		if text, err := os.ReadFile(log); err == nil && len(text) > 0 {
			fmt.Fprintf(&b, "--- %s\n%s", filepath.Base(log), text)
		}
	}
	return b.String()
}
