// Demo shows what lvsmark does, on a small network of this machine: a spec, what
// it changes in the director's kernel, FTP sessions through it, and that
// nothing is left after it. Its exit status is 0 when all was as it should be,
// 1 when something was not, and 2 when it could not go on.
//
// It needs root, a kernel with IPVS and the programs of package lab; run it by
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
	s := &stage{out: os.Stdout, colours: colours(os.Stdout)}
	err := s.play()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	case s.wrong > 0:
		s.closing(red, fmt.Sprintf("%d things were not as they should be", s.wrong))
		return 1
	}
	s.closing(green, "all was as it should be")
	return 0
}

// play is the demo from the first line to the last.
func (s *stage) play() (err error) {
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
	acts := []func() error{s.apply, s.serve, s.sessions, s.again, func() error { return s.takeBack(before) }}
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) apply() error {
	s.heading("The spec")
	s.typed("cat", lab.SpecFile)
	s.printed(spec)
	s.heading("What it would change")
	if err := s.lvsmark(1, "diff"); err != nil {
		return err
	}
	s.heading("Made so")
	if err := s.lvsmark(0, "apply"); err != nil {
		return err
	}
	s.heading("What the kernel then holds")
	if err := s.onDirector("nft", "list", "table", "ip", "lvsmark"); err != nil {
		return err
	}
	return s.onDirector("ipvsadm", "-Ln")
}

func (s *stage) serve() error {
	s.heading("What the FTP servers are told")
	if err := s.lvsmark(0, "render", "vsftpd"); err != nil {
		return err
	}
	return s.lab.StartFTP(21, 990)
}

func (s *stage) sessions() error {
	s.heading(fmt.Sprintf("FTP sessions: each uploads %d MB, and downloads as much", lab.DataSize>>20))
	results, err := s.lab.Run(repertoire(), 2)
	if err != nil {
		return err
	}
	s.table(lab.Table(results))
	for _, r := range results {
		s.expect(r.Err == nil && r.Complete(), "%s: the files arrived as they were sent", r.Session)
		s.expect(r.SameServer(), "%s: control and data were on the same real server", r.Session)
		for _, source := range r.Source {
			s.expect(source == lab.VIP(r.Family), "%s: active data came from the VIP", r.Session)
		}
		s.expect(r.Mode.Active() == (len(r.Source) > 0), "%s: data came the way the mode says", r.Session)
	}
	return nil
}

// repertoire has every mode, plain and over TLS, by a program that can.
func repertoire() []lab.Session {
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

func (s *stage) again() error {
	s.heading("Once more: there is nothing to do")
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
	s.expect(before == after, "the second apply changed nothing")
	return s.lvsmark(0, "diff")
}

func (s *stage) takeBack(before string) error {
	s.heading("Taken back")
	if err := s.lvsmark(0, "delete"); err != nil {
		return err
	}
	s.heading("What is left")
	for _, command := range stateCommands() {
		if err := s.onDirector(command...); err != nil {
			return err
		}
	}
	after, err := s.state()
	if err != nil {
		return err
	}
	s.expect(before == after, "the director is as it was before the first apply")
	return nil
}
