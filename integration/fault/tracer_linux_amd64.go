package fault

import (
	"fmt"
	"maps"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A tracer follows the threads of a program and of the processes that it
// begins.
type tracer struct {
	Fault
	run      Run
	main     *os.Process
	timedOut atomic.Bool

	processes map[int]int            // by thread
	begun     map[int]bool           // threads that stopped for the first time
	files     map[int]map[int]string // of each process: what its boundary files are
	waiting   map[int]*stopped       // calls whose return is to be looked at, by thread
	seen      map[Call]int           // how many calls of each kind there were
	refusing  *stopped               // the call that was swallowed: its answer is to be a refusal
}

// start starts the program by way of Shim. It stops at the begin.
func start(args []string, outputs [2]*os.File) (*tracer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer nothing.Close()
	main, err := os.StartProcess(self, append([]string{self}, args...), &os.ProcAttr{
		Env:   append(os.Environ(), shimVariable+"=1"),
		Files: []*os.File{nothing, outputs[0], outputs[1]},
		Sys:   &unix.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return nil, err
	}
	t := &tracer{
		main:      main,
		processes: map[int]int{main.Pid: main.Pid},
		begun:     map[int]bool{main.Pid: true},
		files:     map[int]map[int]string{main.Pid: {}},
		waiting:   map[int]*stopped{},
		seen:      map[Call]int{},
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(main.Pid, &status, unix.WALL, nil); err != nil {
		return nil, err
	}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACESECCOMP |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
	if err := unix.PtraceSetOptions(main.Pid, options); err != nil {
		return nil, fmt.Errorf("options of ptrace: %w", err)
	}
	return t, unix.PtraceCont(main.Pid, 0)
}

// born takes note of a new thread or process.
func (t *tracer) born(pid, event int) error {
	child, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		return err
	}
	if event == unix.PTRACE_EVENT_EXEC {
		if previous := int(child); previous != pid { // the thread took over the number of its process
			delete(t.processes, previous)
		}
	} else {
		process := t.processes[pid]
		if event != unix.PTRACE_EVENT_CLONE {
			t.files[int(child)] = maps.Clone(t.files[process])
			process = int(child)
		}
		t.processes[int(child)] = process
		if t.begun[int(child)] { // it stopped before its parent did
			if err := unix.PtraceCont(int(child), 0); err != nil {
				return err
			}
		}
	}
	return unix.PtraceCont(pid, 0)
}

// begins takes note of the first stop of a thread, which is no signal.
func (t *tracer) begins(pid int) error {
	t.begun[pid] = true
	if t.processes[pid] == 0 {
		return nil // it goes on once its parent said what it is
	}
	return unix.PtraceCont(pid, 0)
}

// entered looks at a call before it is made.
func (t *tracer) entered(pid int) error {
	s := &stopped{process: process{pid}, of: t.processes[pid]}
	if err := unix.PtraceGetRegs(pid, &s.regs); err != nil {
		return err
	}
	s.look(t.files[s.of])
	if s.Name == "" {
		return unix.PtraceCont(pid, 0)
	}
	t.seen[s.Call]++
	at := Place{s.Call, t.seen[s.Call]}
	t.run.Calls = append(t.run.Calls, at)
	s.chosen = t.chooses(at)
	onReturn := s.on != "" || s.answers(t.refusing)
	if s.chosen {
		t.run.Hit = true
		if t.Mode == KilledBefore {
			return unix.Kill(s.of, unix.SIGKILL)
		}
		spoiled, err := t.onEntry(s)
		if err != nil {
			return err
		}
		onReturn = spoiled
	}
	if !onReturn {
		return unix.PtraceCont(pid, 0)
	}
	t.waiting[pid] = s
	return unix.PtraceSyscall(pid, 0)
}

// returned looks at a call that was made.
func (t *tracer) returned(pid int) error {
	s := t.waiting[pid]
	delete(t.waiting, pid)
	if err := t.opened(s); err != nil {
		return err
	}
	switch {
	case s.chosen && t.Mode == KilledAfter:
		return unix.Kill(s.of, unix.SIGKILL)
	case s.chosen:
		if err := t.onReturn(s); err != nil {
			return err
		}
		if t.Mode == Refused {
			t.refusing = s
		}
	case s.answers(t.refusing):
		done, err := t.refuse(s)
		if err != nil {
			return err
		}
		if done {
			t.refusing = nil
		}
	}
	return unix.PtraceCont(pid, 0)
}

// opened takes note of a new boundary file.
func (t *tracer) opened(s *stopped) error {
	if s.on == "" {
		return nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(s.pid, &regs); err != nil {
		return err
	}
	if fd := int64(regs.Rax); fd >= 0 {
		t.files[s.of][int(fd)] = s.on
	}
	return nil
}
