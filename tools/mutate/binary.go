package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// memoryLimit limits the address space of a test, in KiB: a mutant may allocate for ever.
const memoryLimit = 8 << 20

// goOutput runs the go command in the directory of the module.
func (l *lab) goOutput(args ...string) ([]byte, error) {
	command := exec.Command("go", args...)
	command.Dir = l.root
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return out, err
}

func (l *lab) goCommand(args ...string) error {
	_, err := l.goOutput(args...)
	return err
}

// errTimeout reports that a test was still running after its time.
var errTimeout = errors.New("timeout")

// runTests runs a compiled test in the directory of its package. Its processes end with it.
// As root it runs in a new network namespace.
func runTests(binary, directory string, timeout time.Duration, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	script := fmt.Sprintf(`ulimit -v %d; ip link set lo up 2>/dev/null; exec "$@"`, memoryLimit)
	command := exec.CommandContext(ctx, "sh", append([]string{"-c", script, "sh", binary}, args...)...)
	command.Dir = directory
	command.WaitDelay = time.Second
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	out, err := command.CombinedOutput()
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
	if ctx.Err() != nil {
		err = errTimeout
	}
	return out, err
}

// namePattern returns the -test.run pattern of the tests.
func namePattern(tests []testRun) string {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	return "^(" + strings.Join(names, "|") + ")$"
}
