package fault

import (
	"fmt"
	"maps"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A tracer traces all threads of a program and of its descendants.
type tracer struct {
	Fault
	run      Run
	main     *os.Process
	timedOut atomic.Bool

	processes map[int]int            // process ID, by thread ID
	started   map[int]bool           // threads that had their first stop
	files     map[int]map[int]string // names of boundary files, by process ID and file descriptor
	waiting   map[int]*stoppedCall   // calls whose return is traced, by thread ID
	seen      map[Call]int           // number of calls so far
	rejected  *stoppedCall           // the call whose request was replaced: its reply becomes an error
}

// start starts the program through Shim.
func start(args []string, outputs [2]*os.File) (*tracer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	devNull, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer devNull.Close()
	main, err := os.StartProcess(self, append([]string{self}, args...), &os.ProcAttr{
		Env:   append(os.Environ(), shimVariable+"=1"),
		Files: []*os.File{devNull, outputs[0], outputs[1]},
		Sys:   &unix.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return nil, err
	}
	t := &tracer{
		main:      main,
		processes: map[int]int{main.Pid: main.Pid},
		started:   map[int]bool{main.Pid: true},
		files:     map[int]map[int]string{main.Pid: {}},
		waiting:   map[int]*stoppedCall{},
		seen:      map[Call]int{},
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(main.Pid, &status, unix.WALL, nil); err != nil {
		return nil, err
	}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACESECCOMP |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
	if err := unix.PtraceSetOptions(main.Pid, options); err != nil {
		return nil, fmt.Errorf("ptrace options: %w", err)
	}
	return t, unix.PtraceCont(main.Pid, 0)
}

// childEvent records a new thread or process, or an execve.
func (t *tracer) childEvent(pid, event int) error {
	child, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return err
	}
	if event == unix.PTRACE_EVENT_EXEC {
		if previous := int(child); previous != pid { // the thread takes over the ID of its process
			delete(t.processes, previous)
		}
	} else {
		process := t.processes[pid]
		if event != unix.PTRACE_EVENT_CLONE {
			t.files[int(child)] = maps.Clone(t.files[process])
			process = int(child)
		}
		t.processes[int(child)] = process
		if t.started[int(child)] { // the child stopped before its parent's event
			if err := unix.PtraceCont(int(child), 0); err != nil {
				return err
			}
		}
	}
	return unix.PtraceCont(pid, 0)
}

// firstStop records the first stop of a thread, which is not a signal.
func (t *tracer) firstStop(pid int) error {
	t.started[pid] = true
	if t.processes[pid] == 0 {
		return nil // childEvent continues it
	}
	return unix.PtraceCont(pid, 0)
}

// entered handles a stop before a call.
func (t *tracer) entered(pid int) error {
	s := &stoppedCall{process: process{pid}, tgid: t.processes[pid]}
	if err := unix.PtraceGetRegs(pid, &s.regs); err != nil {
		return err
	}
	s.identify(t.files[s.tgid])
	if s.Name == "" {
		return unix.PtraceCont(pid, 0)
	}
	t.seen[s.Call]++
	at := Occurrence{s.Call, t.seen[s.Call]}
	t.run.Calls = append(t.run.Calls, at)
	s.faulty = t.matches(at)
	onReturn := s.opens != "" || s.repliesTo(t.rejected)
	if s.faulty {
		t.run.Hit = true
		if t.Mode == KilledBefore {
			return unix.Kill(s.tgid, unix.SIGKILL)
		}
		traceReturn, err := t.onEntry(s)
		if err != nil {
			return err
		}
		onReturn = traceReturn
	}
	if !onReturn {
		return unix.PtraceCont(pid, 0)
	}
	t.waiting[pid] = s
	return unix.PtraceSyscall(pid, 0)
}

// returned handles a stop after a call.
func (t *tracer) returned(pid int) error {
	s := t.waiting[pid]
	delete(t.waiting, pid)
	if err := t.opened(s); err != nil {
		return err
	}
	switch {
	case s.faulty && t.Mode == KilledAfter:
		return unix.Kill(s.tgid, unix.SIGKILL)
	case s.faulty:
		if err := t.onReturn(s); err != nil {
			return err
		}
		if t.Mode == Refused {
			t.rejected = s
		}
	case s.repliesTo(t.rejected):
		done, err := t.rejectRequest(s)
		if err != nil {
			return err
		}
		if done {
			t.rejected = nil
		}
	}
	return unix.PtraceCont(pid, 0)
}

// opened records a new boundary file.
func (t *tracer) opened(s *stoppedCall) error {
	if s.opens == "" {
		return nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return err
	}
	if fd := int64(regs.Rax); fd >= 0 {
		t.files[s.tgid][int(fd)] = s.opens
	}
	return nil
}
