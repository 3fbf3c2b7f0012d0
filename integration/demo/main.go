// Demo shows lvsmark in a small network on this machine: a spec, its changes in the
// director's kernel, FTP sessions, and a delete that restores the previous state. The
// exit status is 0 if all checks passed, 1 if a check failed, and 2 after an error.
//
// It needs root, a kernel with IPVS and the programs of package lab; run it with
// `integration/run demo`.
package main

import (
	_ "embed"
	"fmt"
	"os"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

//go:embed ftp.yaml
var spec string

//go:embed picture.txt
var picture string

func main() { os.Exit(run()) }

func run() int {
	s := &show{out: os.Stdout, colours: colours(os.Stdout)}
	err := s.run()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	case s.failed > 0:
		s.closing(red, fmt.Sprintf("%d checks failed", s.failed))
		return 1
	}
	s.closing(green, "all checks passed")
	return 0
}

// run runs the whole demo.
func (s *show) run() (err error) {
	s.heading("The lab")
	fmt.Fprintln(s.out, picture)
	if s.lab, err = lab.Open(lab.Options{RealServers: 3}); err != nil {
		return err
	}
	defer func() {
		if closeErr := s.lab.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := s.lab.WriteSpec(spec); err != nil {
		return err
	}
	before, err := s.state()
	if err != nil {
		return err
	}
	steps := []func() error{s.apply, s.serve, s.sessions, s.again, func() error { return s.delete(before) }}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) apply() error {
	s.heading("The spec")
	s.typed("cat", lab.SpecFile)
	s.printed(spec)
	s.heading("Planned changes")
	if err := s.lvsmark(1, "diff"); err != nil {
		return err
	}
	s.heading("Apply")
	if err := s.lvsmark(0, "apply"); err != nil {
		return err
	}
	s.heading("State of the kernel")
	if err := s.onDirector("nft", "list", "table", "ip", "lvsmark"); err != nil {
		return err
	}
	return s.onDirector("ipvsadm", "-Ln")
}

func (s *show) serve() error {
	s.heading("Configuration of the FTP servers")
	if err := s.lvsmark(0, "render", "vsftpd"); err != nil {
		return err
	}
	return s.lab.StartFTP(21, 990)
}

func (s *show) sessions() error {
	s.heading(fmt.Sprintf("FTP sessions: each uploads and downloads %d MB", lab.DataSize>>20))
	results, err := s.lab.Run(sessionList(), 2)
	if err != nil {
		return err
	}
	s.table(lab.Table(results))
	for _, r := range results {
		s.check(r.Err == nil && r.Complete(), "%s: the files arrived with the correct content", r.Session)
		s.check(r.SameServer(), "%s: control and data were on the same real server", r.Session)
		for _, source := range r.Source {
			s.check(source == lab.VIP(r.Family), "%s: active data came from the VIP", r.Session)
		}
		s.check(r.Mode.Active() == (len(r.Source) > 0), "%s: the direction of data connections fits the mode", r.Session)
	}
	return nil
}

// sessionList returns sessions of every mode, with and without TLS, with a client that
// supports it.
func sessionList() []lab.Session {
	const v4, v6 = config.IPv4, config.IPv6
	return []lab.Session{
		{Client: lab.Curl, Family: v4, Mode: lab.PASV, Security: lab.Plain},
		{Client: lab.LFTP, Family: v4, Mode: lab.PASV, Security: lab.Explicit},
		{Client: lab.LFTP, Family: v4, Mode: lab.EPSV, Security: lab.Plain},
		{Client: lab.Curl, Family: v4, Mode: lab.EPSV, Security: lab.Explicit},
		{Client: lab.Curl, Family: v4, Mode: lab.EPSV, Security: lab.Implicit},
		{Client: lab.Curl, Family: v4, Mode: lab.PORT, Security: lab.Plain},
		{Client: lab.LFTP, Family: v4, Mode: lab.PORT, Security: lab.Explicit},
		{Client: lab.Curl, Family: v4, Mode: lab.EPRT, Security: lab.Plain},
		{Client: lab.Curl, Family: v6, Mode: lab.EPSV, Security: lab.Plain},
		{Client: lab.LFTP, Family: v6, Mode: lab.EPSV, Security: lab.Explicit},
		{Client: lab.Curl, Family: v6, Mode: lab.EPRT, Security: lab.Plain},
		{Client: lab.LFTP, Family: v6, Mode: lab.EPRT, Security: lab.Explicit},
		{Client: lab.LFTP, Family: v6, Mode: lab.EPRT, Security: lab.Implicit},
	}
}

func (s *show) again() error {
	s.heading("Second apply: nothing to do")
	before, err := s.state()
	if err != nil {
		return err
	}
	if err := s.lvsmark(0, "apply"); err != nil {
		return err
	}
	after, err := s.state()
	if err != nil {
		return err
	}
	s.check(before == after, "the second apply changed nothing")
	return s.lvsmark(0, "diff")
}

func (s *show) delete(before string) error {
	s.heading("Delete")
	if err := s.lvsmark(0, "delete"); err != nil {
		return err
	}
	s.heading("State after delete")
	for _, command := range stateCommands() {
		if err := s.onDirector(command...); err != nil {
			return err
		}
	}
	after, err := s.state()
	if err != nil {
		return err
	}
	s.check(before == after, "the director is as it was before the first apply")
	return nil
}
