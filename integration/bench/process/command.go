// Package process measures programs as a user meets them: from exec to exit.
// Nothing runs around them, so all of the time is their own.
package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A Command is a program and its arguments. What it prints is thrown away, into
// the device that a user would name.
type Command struct {
	Args   []string
	Stdin  string // a file; empty: nothing
	Status int    // with which it is to end
}

// running is a command that is about to start, or has.
type running struct {
	*exec.Cmd
	nothing, stdin, stderr *os.File
}

// in calls f, with the command not yet started, on a thread in the namespace, of
// which the command becomes a child.
func (c Command) in(n *equivalence.Namespace, f func(*running) error) error {
	return n.Do(func() error {
		r, err := c.prepare()
		if err != nil {
			return err
		}
		defer r.close()
		return f(r)
	})
}

func (c Command) prepare() (*running, error) {
	r := &running{Cmd: exec.Command(c.Args[0], c.Args[1:]...)}
	var err error
	if r.nothing, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if r.stderr, err = os.CreateTemp("", "stderr"); err != nil {
		r.close()
		return nil, err
	}
	r.Stdin, r.Stdout, r.Stderr = r.nothing, r.nothing, r.stderr
	if c.Stdin != "" {
		if r.stdin, err = os.Open(c.Stdin); err != nil {
			r.close()
			return nil, err
		}
		r.Stdin = r.stdin
	}
	// A benchmark that is killed leaves nobody behind.
	r.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return r, nil
}

func (r *running) close() {
	for _, file := range []*os.File{r.nothing, r.stdin, r.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
	if r.stderr != nil {
		_ = os.Remove(r.stderr.Name())
	}
}

// exitError says what is wrong with how the command ended, in its own words.
func (c Command) exitError(r *running, status unix.WaitStatus) error {
	if status.ExitStatus() == c.Status {
		return nil
	}
	ended := fmt.Sprintf("status %d", status.ExitStatus())
	if status.Signaled() {
		ended = unix.SignalName(status.Signal())
	}
	said := "it said nothing"
	if _, err := r.stderr.Seek(0, io.SeekStart); err == nil {
		if text, err := io.ReadAll(r.stderr); err == nil && len(text) > 0 {
			said = strings.TrimSpace(string(text))
		}
	}
	return fmt.Errorf("%s ended with %s, not status %d: %s", strings.Join(c.Args, " "), ended, c.Status, said)
}
