package fault

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimVariable tells a program of this package to become another one.
const shimVariable = "LVSMARK_FAULT_SHIM"

// Shim is for the begin of the main function, or of TestMain, of a program that
// calls Trace: that starts the program once more, and Shim turns it into the
// one to be traced, with a seccomp(2) filter that stops it at the calls that
// count. Everywhere else it does nothing.
func Shim() {
	if os.Getenv(shimVariable) == "" {
		return
	}
	// The filter belongs to the thread, and execve takes it along.
	runtime.LockOSThread()
	err := os.Unsetenv(shimVariable)
	if err == nil {
		err = stopAtBoundary()
	}
	if err == nil {
		err = unix.Exec(os.Args[1], os.Args[1:], os.Environ())
	}
	fmt.Fprintf(os.Stderr, "running %v to be traced: %v\n", os.Args[1:], err)
	os.Exit(125)
}

// stopAtBoundary has the kernel stop the calling thread, and what it executes,
// at each call of callNames for the tracer to look at.
func stopAtBoundary() error {
	// Of struct seccomp_data: the number of the call, and the architecture.
	const offsetNr, offsetArch = 0, 4
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetArch},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AUDIT_ARCH_X86_64, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetNr},
	}
	for nr := range callNames() {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return fmt.Errorf("seccomp filter: %w", err)
	}
	return nil
}
