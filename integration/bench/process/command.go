// Package process measures whole programs from exec to exit, without a shell or other
// wrapper.
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

// A Command is a program and its arguments. Its standard output goes to /dev/null.
type Command struct {
	Args   []string
	Stdin  string // path; empty: /dev/null
	Status int    // expected exit status
}

// running is a command with its open files, started or not.
type running struct {
	*exec.Cmd
	devNull, stdin, stderr *os.File
}

// in calls f with the prepared command, on a thread in the namespace, so that f starts
// it there.
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
	if r.devNull, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if r.stderr, err = os.CreateTemp("", "stderr"); err != nil {
		r.close()
		return nil, err
	}
	r.Stdin, r.Stdout, r.Stderr = r.devNull, r.devNull, r.stderr
	if c.Stdin != "" {
		if r.stdin, err = os.Open(c.Stdin); err != nil {
			r.close()
			return nil, err
		}
		r.Stdin = r.stdin
	}
	// If the benchmark is killed, the command is killed too.
	r.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return r, nil
}

func (r *running) close() {
	for _, file := range []*os.File{r.devNull, r.stdin, r.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
	if r.stderr != nil {
		_ = os.Remove(r.stderr.Name())
	}
}

// exitError returns an error with the command's standard error, unless it had the
// expected exit status.
func (c Command) exitError(r *running, status unix.WaitStatus) error {
	if status.ExitStatus() == c.Status {
		return nil
	}
	ended := fmt.Sprintf("status %d", status.ExitStatus())
	if status.Signaled() {
		ended = unix.SignalName(status.Signal())
	}
	message := "no error message"
	if _, err := r.stderr.Seek(0, io.SeekStart); err == nil {
		if text, err := io.ReadAll(r.stderr); err == nil && len(text) > 0 {
			message = strings.TrimSpace(string(text))
		}
	}
	return fmt.Errorf("%s ended with %s, not status %d: %s", strings.Join(c.Args, " "), ended, c.Status, message)
}
