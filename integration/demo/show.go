package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/lab"
)

// A show prints commands and their output, and counts failed checks.
type show struct {
	out     io.Writer
	colours bool
	lab     *lab.Lab
	failed  int
}

// SGR sequences of ECMA-48.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// colours reports whether to use colours: not if NO_COLOR is set
// (https://no-color.org), else for a terminal or if CLICOLOR_FORCE is set.
func colours(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	force := os.Getenv("CLICOLOR_FORCE")
	return err == nil || force != "" && force != "0"
}

func (s *show) paint(sequence, text string) string {
	if !s.colours {
		return text
	}
	return sequence + text + plain
}

func (s *show) heading(text string) {
	fmt.Fprintf(s.out, "%s\n\n", s.paint(bold, "── "+text+" "+strings.Repeat("─", max(0, 76-len(text)))))
}

func (s *show) closing(colour, text string) {
	fmt.Fprintln(s.out, s.paint(colour, text))
}

// check prints only failed checks.
func (s *show) check(so bool, format string, args ...any) {
	if !so {
		s.failed++
		fmt.Fprintln(s.out, s.paint(red, "FAILED: "+fmt.Sprintf(format, args...)))
	}
}

// lvsmark runs and prints a verb, and checks its exit status.
func (s *show) lvsmark(status int, verb ...string) error {
	s.typed("lvsmark", s.lab.LvsmarkArgs(verb...)...)
	output, err := s.lab.Lvsmark(verb...)
	if err != nil {
		return err
	}
	s.printed(output.Text)
	s.check(output.Status == status, "exit status %d, not %d", status, output.Status)
	return nil
}

// onDirector runs and prints a command on the director.
func (s *show) onDirector(command ...string) error {
	s.typed("ip", append([]string{"netns", "exec", s.lab.Director.NetNS}, command...)...)
	text, err := s.lab.Director.Run(command[0], command[1:]...)
	s.printed(text)
	return err
}

func (s *show) typed(name string, args ...string) {
	fmt.Fprintln(s.out, s.paint(bold, "$ "+strings.Join(append([]string{name}, args...), " ")))
}

func (s *show) printed(text string) {
	if text != "" {
		fmt.Fprintln(s.out, strings.TrimSuffix(text, "\n"))
	}
	fmt.Fprintln(s.out)
}

func (s *show) table(text string) {
	text = strings.ReplaceAll(text, "ok\n", s.paint(green, "ok")+"\n")
	s.printed(strings.ReplaceAll(text, "FAILED\n", s.paint(red, "FAILED")+"\n"))
}

// stateCommands returns commands that print all state that apply can change.
func stateCommands() [][]string {
	return [][]string{
		{"nft", "list", "ruleset"},
		{"ipvsadm", "-Sn"},
		{"ip", "-brief", "address", "show", "dev", lab.OutgoingDevice},
		{"sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"},
	}
}

func (s *show) state() (string, error) {
	var b strings.Builder
	for _, command := range stateCommands() {
		text, err := s.lab.Director.Run(command[0], command[1:]...)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}
