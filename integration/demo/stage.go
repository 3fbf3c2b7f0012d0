package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/lab"
)

// A stage shows commands as typed and what they print as it comes, and counts
// what was not as it should be.
type stage struct {
	out     io.Writer
	colours bool
	lab     *lab.Lab
	wrong   int
}

// The sequences of ECMA-48, SGR.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

// colours are for a terminal, unless NO_COLOR is set (https://no-color.org), or
// for what CLICOLOR_FORCE says is one in the end.
func colours(f *os.File) bool {
	if os.Getenv("NO_COLOR") != "" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	force := os.Getenv("CLICOLOR_FORCE")
	return err == nil || force != "" && force != "0"
}

func (s *stage) paint(sequence, text string) string {
	if !s.colours {
		return text
	}
	return sequence + text + plain
}

func (s *stage) heading(text string) {
	fmt.Fprintf(s.out, "%s\n\n", s.paint(bold, "── "+text+" "+strings.Repeat("─", max(0, 76-len(text)))))
}

func (s *stage) closing(colour, text string) {
	fmt.Fprintln(s.out, s.paint(colour, text))
}

// expect says aloud only what is not so.
func (s *stage) expect(so bool, format string, args ...any) {
	if !so {
		s.wrong++
		fmt.Fprintln(s.out, s.paint(red, "NOT SO: "+fmt.Sprintf(format, args...)))
	}
}

// lvsmark shows a verb, which has to end with the status.
func (s *stage) lvsmark(status int, verb ...string) error {
	s.typed("lvsmark", s.lab.LvsmarkArgs(verb...)...)
	output, err := s.lab.Lvsmark(verb...)
	if err != nil {
		return err
	}
	s.printed(output.Text)
	s.expect(output.Status == status, "exit status %d, not %d", status, output.Status)
	return nil
}

// onDirector shows a command that has to succeed.
func (s *stage) onDirector(command ...string) error {
	s.typed("ip", append([]string{"netns", "exec", s.lab.Director.NetNS}, command...)...)
	text, err := s.lab.Director.Run(command[0], command[1:]...)
	s.printed(text)
	return err
}

func (s *stage) typed(name string, args ...string) {
	fmt.Fprintln(s.out, s.paint(bold, "$ "+strings.Join(append([]string{name}, args...), " ")))
}

func (s *stage) printed(text string) {
	if text != "" {
		fmt.Fprintln(s.out, strings.TrimSuffix(text, "\n"))
	}
	fmt.Fprintln(s.out)
}

func (s *stage) table(text string) {
	text = strings.ReplaceAll(text, "right\n", s.paint(green, "right")+"\n")
	s.printed(strings.ReplaceAll(text, "WRONG\n", s.paint(red, "WRONG")+"\n"))
}

// stateCommands print all of the director that apply may have changed.
func stateCommands() [][]string {
	return [][]string{
		{"nft", "list", "ruleset"},
		{"ipvsadm", "-Sn"},
		{"ip", "-brief", "address", "show", "dev", lab.OutgoingDevice},
		{"sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"},
	}
}

func (s *stage) state() (string, error) {
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
