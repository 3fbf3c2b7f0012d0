package lab

import (
	"errors"
	"syscall"
)

// SuspendFTP stops the FTP servers of the real server: the kernel still accepts connections
// to them, but nothing answers.
func (s *RealServer) SuspendFTP() error { return s.signalFTP(syscall.SIGSTOP) }

// ResumeFTP continues suspended FTP servers.
func (s *RealServer) ResumeFTP() error { return s.signalFTP(syscall.SIGCONT) }

func (s *RealServer) signalFTP(signal syscall.Signal) (err error) {
	for _, p := range s.ftp {
		err = errors.Join(err, syscall.Kill(-p.cmd.Process.Pid, signal))
	}
	return err
}
