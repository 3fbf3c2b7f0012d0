package lab

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/lvsmark/lvsmark/config"
)

// proftpdSettings are the directives of proftpd in addition to `lvsmark render proftpd`.
// Anonymous users log in without a password and write as nobody. The default address, which must be one that resolves, is not used: the server listens on all.
const proftpdSettings = `
ServerName %[1]s
ServerType standalone
UseIPv6 on
DefaultAddress 127.0.0.1
DefaultServer on
User nobody
Group nogroup
AuthPAM off
UseFtpUsers off
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
TLSECCertificateFile %[4]s
TLSECCertificateKeyFile %[4]s
TLSVerifyClient off
%[6]s
TLSLog %[2]s.tls.log
<Anonymous %[5]s>
  User nobody
  Group nogroup
  UserAlias anonymous nobody
  RequireValidShell off
  AnonRequirePassword off
</Anonymous>
`

// proftpdTLS is the default of Options.ProftpdTLS. TLS 1.2 is for lftp.
const proftpdTLS = "TLSProtocol TLSv1.2\nTLSOptions NoSessionReuseRequired"

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
	text := rendered + fmt.Sprintf(proftpdSettings, s.Name, base, modules, s.lab.keyFile(), anonymousRoot, cmp.Or(s.lab.ProftpdTLS, proftpdTLS))
	if err := os.WriteFile(base+".conf", []byte(text), 0o600); err != nil {
		return err
	}
	return s.startAtRoot(base, path, "--nodaemon", "--config", base+".conf")
}

// anonymousRoot is the home directory of user ftp, which the package of vsftpd creates.
const anonymousRoot = "/srv/ftp"

// startAtRoot starts a server whose anonymous users get the server's directory at
// anonymousRoot, because only root may enter the lab's directory. ip netns exec gives each
// program mounts of its own.
func (s *RealServer) startAtRoot(base, program string, args ...string) error {
	const script = `mount --bind "$1" "$2" && shift 2 && exec "$@"`
	p, err := s.Start(base+".log", "sh", append([]string{"-c", script, "sh", s.Dir, anonymousRoot, program}, args...)...)
	s.ftp = append(s.ftp, p)
	return err
}

// startPure starts pure-ftpd. Its anonymous users have the home directory of user ftp.
func (s *RealServer) startPure(base, rendered string) error {
	text := rendered + fmt.Sprintf("AnonymousOnly yes\nDontResolve yes\nVerboseLog yes\nMaxClientsPerIP 100\nTLS 1\nCertFile %s\n", s.lab.keyFile())
	if err := os.WriteFile(base+".conf", []byte(text), 0o600); err != nil {
		return err
	}
	return s.startAtRoot(base, "pure-ftpd", base+".conf")
}
