package equivalence

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/thread"
)

// A Namespace is a network namespace without a name. It ends when it is closed, or
// with the process.
type Namespace struct{ file *os.File }

// NewNamespace creates a network namespace. It needs CAP_SYS_ADMIN.
func NewNamespace() (*Namespace, error) {
	return thread.Call(func() (*Namespace, error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("new network namespace: %w", err)
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		return &Namespace{file}, err
	})
}

// Close closes the namespace.
func (n *Namespace) Close() error { return n.file.Close() }

// Path returns a path of the namespace, valid until Close, also in other processes.
func (n *Namespace) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// Do calls f on a separate thread in the namespace. Sockets that f opens stay in the
// namespace.
func (n *Namespace) Do(f func() error) error {
	var err error
	thread.Run(func() {
		if err = unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("entering a network namespace: %w", err)
			return
		}
		err = f()
	})
	return err
}

// Run runs a program in the namespace and returns its standard output. An error
// contains its standard error.
func (n *Namespace) Run(stdin string, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	err := n.Do(func() error {
		cmd := exec.Command(name, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
		return cmd.Run()
	})
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}
