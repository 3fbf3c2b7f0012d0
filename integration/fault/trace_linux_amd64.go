package fault

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/thread"
)

// A Run is the result of a traced program.
type Run struct {
	Fault    Fault
	Calls    []Occurrence // the calls on boundary files, in order of entry
	Hit      bool         // the program made the call of the fault
	Status   int          // exit status
	Killed   bool         // by a signal
	TimedOut bool         // killed at Options.Limit
	Stdout   string
	Stderr   string
}

// Options of Trace.
type Options struct {
	Fault Fault
	Limit time.Duration // timeout of the run
}

// Trace runs a program, given by its path, and waits until it and all its descendants
// have ended. The caller's main function or TestMain must call Shim.
func Trace(args []string, opts Options) (Run, error) {
	return thread.Call(func() (Run, error) { return trace(args, opts) }) // ptrace belongs to a thread
}

func trace(args []string, opts Options) (run Run, err error) {
	outputs := [2]*os.File{}
	for i := range outputs {
		if outputs[i], err = os.CreateTemp("", "lvsmark-fault"); err != nil {
			return run, err
		}
		defer outputs[i].Close()
		defer os.Remove(outputs[i].Name())
	}
	t, err := start(args, outputs)
	if err != nil {
		return run, fmt.Errorf("start %v: %w", args, err)
	}
	t.Fault = opts.Fault
	// follow waits for the process, os.Process does not. os.Process.Kill is still safe:
	// it signals only the process that it started.
	limit := time.AfterFunc(opts.Limit, func() { t.timedOut.Store(true); _ = t.main.Kill() })
	defer limit.Stop()
	if err := t.follow(); err != nil {
		_ = t.main.Kill()
		return run, err
	}
	t.run.Fault = opts.Fault
	t.run.TimedOut = t.timedOut.Load()
	for i, text := range []*string{&t.run.Stdout, &t.run.Stderr} {
		b, err := os.ReadFile(outputs[i].Name())
		if err != nil {
			return run, err
		}
		*text = string(b)
	}
	return t.run, nil
}

// follow runs the processes and handles their stops.
func (t *tracer) follow() error {
	for len(t.processes) > 0 {
		pid, err := t.next()
		if err != nil {
			return err
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(pid, &status, unix.WALL|unix.WNOTHREAD, nil); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return fmt.Errorf("wait for the traced process %d: %w", pid, err)
		}
		if err := t.waited(pid, status); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("trace process %d: %w", pid, err)
		}
	}
	return nil
}

func (t *tracer) waited(pid int, status unix.WaitStatus) error {
	if !status.Stopped() {
		if pid == t.main.Pid {
			t.run.Status, t.run.Killed = status.ExitStatus(), status.Signaled()
		}
		delete(t.processes, pid)
		delete(t.started, pid)
		return nil
	}
	const syscallStop = unix.SIGTRAP | 0x80 // PTRACE_O_TRACESYSGOOD
	signal := status.StopSignal()
	switch {
	case signal == syscallStop:
		return t.returned(pid)
	case signal == unix.SIGTRAP && status.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		return t.entered(pid)
	case signal == unix.SIGTRAP && status.TrapCause() > 0:
		return t.childEvent(pid, status.TrapCause())
	case signal == unix.SIGSTOP && !t.started[pid]:
		return t.firstStop(pid)
	case signal == unix.SIGTRAP:
		return unix.PtraceCont(pid, 0) // execve
	}
	return unix.PtraceCont(pid, int(signal))
}
