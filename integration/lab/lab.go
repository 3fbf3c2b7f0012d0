// Package lab builds a small network for end-to-end tests: a client, a director
// and real servers, each in a network namespace of this machine. The real servers
// run vsftpd, the client runs curl and lftp. The lab gives the director only
// devices and addresses; `lvsmark apply` must do the rest.
//
// A lab needs root and the programs ip, nft, vsftpd, curl and lftp; `lvsmark apply`
// in it needs a kernel with IPVS.
package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// Options configure a lab. The zero value means nat forwarding, both address
// families and two real servers.
type Options struct {
	Forwarding  config.Forwarding
	Families    []config.Family // nil: both
	RealServers int             // 0: two; at most 9
	OneArmed    bool            // real servers with nat have no route to the clients
	FTPSettings string          // further lines of vsftpd.conf
	Sharded     bool            // the spec has passive shards: each real server has its own ports
	ProftpdTLS  string          // TLS settings of proftpd; empty: those that lftp needs
	Rate        int             // limit of each session on the server, in bytes per second; 0: none

	ClientTimeout time.Duration // of a client for one operation; 0: five minutes
}

// A Lab is one network. It exists from Open until Close.
type Lab struct {
	Options
	Dir string // temporary directory, removed by Close; programs run in it

	Client   *Host
	Director *Host
	Servers  []*RealServer

	prefix string // of the names of the namespaces
	hosts  []*Host
	trust  string // path of the certificate of all real servers

	fileSize int            // bytes of DataFile
	sums     map[string]sum // sums of the transferred files, by path

	ftpConfiguration string // configuration of the running vsftpd

	interrupts chan os.Signal
	ctx        context.Context
	cancel     context.CancelFunc
	closeOnce  sync.Once
	closeErr   error

	login      sync.Mutex // see RunAtOnce
	mu         sync.Mutex
	processes  []*Process
	nextClient int // number of client addresses in use
}

// Open builds a lab. An interrupt closes the lab, then ends the program with the
// signal's default action.
func Open(opts Options) (*Lab, error) {
	if opts.Families == nil {
		opts.Families = config.Families()
	}
	if opts.RealServers == 0 {
		opts.RealServers = 2
	}
	if opts.ClientTimeout == 0 {
		opts.ClientTimeout = clientTimeout
	}
	if opts.RealServers > maxRealServers {
		return nil, fmt.Errorf("a lab of %d real servers: at most %d", opts.RealServers, maxRealServers)
	}
	dir, err := os.MkdirTemp("", "lvsmark-lab-")
	if err != nil {
		return nil, err
	}
	l := &Lab{Options: opts, Dir: dir, prefix: "lvsmark-lab-" + randomID(), fileSize: DataSize, sums: map[string]sum{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.closeOnInterrupt()
	if err := l.build(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// T is the part of testing.TB that New uses.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// New builds a lab for a test, and closes it at the end of the test.
func New(t T, opts Options) *Lab {
	t.Helper()
	l, err := Open(opts)
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("lab: %v", err)
		}
	})
	return l
}

// Close kills every process of the lab and removes its namespaces and files. It may
// be called several times.
func (l *Lab) Close() error {
	l.closeOnce.Do(func() {
		l.cancel()
		l.killProcesses()
		var errs []error
		for _, host := range l.hosts {
			errs = append(errs, host.remove())
		}
		errs = append(errs, os.RemoveAll(l.Dir))
		l.closeErr = errors.Join(errs...)
		signal.Stop(l.interrupts)
		close(l.interrupts)
	})
	return l.closeErr
}

// closeOnInterrupt closes the lab at the first interrupt and then sends the same
// signal again. Go restores a signal's default action when nothing listens for it,
// so with several labs the program ends after the last lab has closed.
func (l *Lab) closeOnInterrupt() {
	l.interrupts = make(chan os.Signal, 1)
	signal.Notify(l.interrupts, os.Interrupt, syscall.SIGTERM)
	go func() {
		if sig, ok := <-l.interrupts; ok {
			l.Close()
			syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		}
	}()
}

func randomID() string {
	b := make([]byte, 4) // test packages that run at the same time have labs with different names
	rand.Read(b)         // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
