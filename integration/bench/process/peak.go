package process

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// Peak runs the command in the namespace and returns its peak memory in bytes: VmHWM,
// the peak resident set size. It reads VmHWM under ptrace(2), at each stop and at the
// end of the command, because ru_maxrss of wait4(2) is never less than the memory of
// the parent.
func (c Command) Peak(n *equivalence.Namespace) (int64, error) {
	var peak int64
	err := c.in(n, func(r *running) error {
		r.SysProcAttr.Ptrace = true
		if err := r.Start(); err != nil {
			return err
		}
		var status unix.WaitStatus
		var err error
		if status, peak, err = follow(r.Process.Pid); err != nil {
			return errors.Join(fmt.Errorf("%s under ptrace: %w", c.Args[0], err), r.Process.Kill())
		}
		return errors.Join(c.exitError(r, status), r.Process.Release())
	})
	return peak, err
}

// follow continues a traced process until it has ended.
func follow(pid int) (status unix.WaitStatus, peak int64, err error) {
	started := false
	for {
		if _, err := unix.Wait4(pid, &status, unix.WALL, nil); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return status, 0, err
		}
		if !status.Stopped() {
			return status, peak, nil
		}
		now, err := highWater(pid)
		if err != nil {
			return status, 0, err
		}
		peak = max(peak, now)
		signal := 0
		switch {
		case status.TrapCause() == unix.PTRACE_EVENT_EXIT:
		case !started: // the stop after exec
			started = true
			err = unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACEEXIT|unix.PTRACE_O_EXITKILL)
		default:
			signal = int(status.StopSignal())
		}
		if err == nil {
			err = unix.PtraceCont(pid, signal)
		}
		// ESRCH: another thread has ended the process meanwhile.
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return status, 0, err
		}
	}
}

// highWater returns VmHWM of proc(5) in bytes; 0 if the process has released its memory.
func highWater(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kibibytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10, nil
		}
	}
	return 0, nil
}
