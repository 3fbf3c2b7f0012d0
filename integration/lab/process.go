package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is a program of the lab that runs until Close.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended
}

// Run runs a program on the host, in the lab's directory, and returns its standard
// output. If the program fails, the error contains its standard error.
func (h *Host) Run(name string, args ...string) (string, error) {
	return h.lab.run("ip", h.exec(name, args)...)
}

// RunInput is Run with standard input.
func (h *Host) RunInput(input, name string, args ...string) (string, error) {
	return h.lab.runInput(input, "ip", h.exec(name, args)...)
}

// Start starts a program on the host that runs until the lab is closed. Its output
// is written to the file log.
func (h *Host) Start(log, name string, args ...string) (*Process, error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd := h.lab.command(h.lab.ctx, "ip", h.exec(name, args)...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	h.lab.processes = append(h.lab.processes, p)
	return p, nil
}

// stop kills the program and its children, and waits for it.
func (p *Process) stop() error {
	err := killGroup(p.cmd)
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (h *Host) exec(name string, args []string) []string {
	return append([]string{"netns", "exec", h.NetNS, name}, args...)
}

// command returns a command in its own process group. The whole group is killed when
// ctx ends.
func (l *Lab) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = l.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+l.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = waitDelay
	return cmd
}

func (l *Lab) run(name string, args ...string) (string, error) {
	return l.runInput("", name, args...)
}

func (l *Lab) runInput(input, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := l.command(l.ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	err := commandError(cmd, cmd.Run(), &stderr)
	return stdout.String(), err
}

// commandError adds the command line and its output to the error of a command.
func commandError(cmd *exec.Cmd, err error, stderr fmt.Stringer) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
}

// run runs a command in Close, when the lab's context has ended.
func run(name string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, &output
	return commandError(cmd, cmd.Run(), &output)
}

// killProcesses waits for the processes of Start. Their context has ended already,
// which kills their process groups.
func (l *Lab) killProcesses() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.processes {
		<-p.done
	}
}

// killAll kills the processes in the host's network namespace, and waits until they have ended:
// before that, one may still write a file or have started another one.
func (h *Host) killAll() error {
	for end := time.Now().Add(startTimeout); ; time.Sleep(5 * time.Millisecond) {
		pids, err := h.pids()
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: processes %v do not end", h.Name, pids)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill %d: %w", pid, err)
			}
		}
	}
}

// pids returns the processes in the host's network namespace, without those that have ended.
func (h *Host) pids() (pids []int, err error) {
	out, err := exec.Command("ip", "netns", "pids", h.NetNS).Output()
	if err != nil {
		return nil, fmt.Errorf("ip netns pids %s: %w", h.NetNS, err)
	}
	for field := range strings.FieldsSeq(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

func killGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// waitDelay is the time to read the last output of a program that has ended. It is long because the
// machine may be emulated and busy; a grandchild may hold the pipes open.
const waitDelay = 30 * time.Second

// startTimeout limits the start of a server or of a device, also on an emulated and busy machine.
const startTimeout = 3 * time.Minute

// poll calls ready until it returns true, for at most startTimeout.
func (l *Lab) poll(what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(l.ctx, startTimeout)
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
