package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lvsmark/lvsmark/config"
)

// proftpdSettings are the directives of proftpd in addition to `lvsmark render proftpd`.
// Anonymous users log in without a password and write as nobody. TLS 1.2 is for lftp.
const proftpdSettings = `
ServerName %[1]s
ServerType standalone
UseIPv6 on
User nobody
Group nogroup
AuthPAM off
UseReverseDNS off
WtmpLog off
DelayTable none
PidFile %[2]s.pid
ScoreboardFile %[2]s.scoreboard
SystemLog %[2]s.ftp.log
TransferLog none
ModulePath %[3]s
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2
TLSECCertificateFile %[4]s
TLSECCertificateKeyFile %[4]s
TLSVerifyClient off
TLSOptions NoSessionReuseRequired
TLSLog %[2]s.tls.log
<Anonymous %[5]s>
  User nobody
  Group nogroup
  UserAlias anonymous nobody
  RequireValidShell off
  AnonRequirePassword off
</Anonymous>
`

// StartOther starts proftpd or pure-ftpd on every real server with the configuration of
// `lvsmark render` for the lab's spec. The control port is 21.
func (l *Lab) StartOther(program string) error {
	rendered, err := l.Lvsmark("render", program)
	if err != nil {
		return err
	}
	if rendered.Status != 0 {
		return fmt.Errorf("lvsmark render %s: exit status %d: %s", program, rendered.Status, rendered.Text)
	}
	start := map[string]func(*RealServer, string, string) error{"proftpd": (*RealServer).startProftpd, "pure-ftpd": (*RealServer).startPure}[program]
	for _, s := range l.Servers {
		if err := start(s, filepath.Join(l.Dir, s.Name+"-"+program), rendered.Text); err != nil {
			return err
		}
	}
	return l.eachFTP([]uint16{config.DefaultControlPort}, (*RealServer).waitFTP)
}

func (s *RealServer) startProftpd(base, rendered string) error {
	path, err := exec.LookPath("proftpd")
	if err != nil {
		return err
	}
	modules := filepath.Join(filepath.Dir(path), "../lib/proftpd")
	text := rendered + fmt.Sprintf(proftpdSettings, s.Name, base, modules, s.lab.keyFile(), s.Dir)
	if err := os.WriteFile(base+".conf", []byte(text), 0o600); err != nil {
		return err
	}
	p, err := s.Start(base+".log", path, "--nodaemon", "--config", base+".conf")
	s.ftp = append(s.ftp, p)
	return err
}

// startPure starts pure-ftpd, whose anonymous users have the directory of the variable
// FTP_ANON_DIR.
func (s *RealServer) startPure(base, rendered string) error {
	text := rendered + fmt.Sprintf("AnonymousOnly yes\nDontResolve yes\nVerboseLog yes\nMaxClientsPerIP 100\nTLS 1\nCertFile %s\n", s.lab.keyFile())
	if err := os.WriteFile(base+".conf", []byte(text), 0o600); err != nil {
		return err
	}
	p, err := s.Start(base+".log", "env", "FTP_ANON_DIR="+s.Dir, "pure-ftpd", base+".conf")
	s.ftp = append(s.ftp, p)
	return err
}
