package fault

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimVariable is set in the environment of a process that Shim must turn into the
// traced program.
const shimVariable = "LVSMARK_FAULT_SHIM"

// Shim must be called at the start of main, or of TestMain, in a program that calls
// Trace. Trace starts a second process of the program, where Shim executes the program
// to trace with a seccomp(2) filter that stops it at the calls of callNames. In other
// processes Shim does nothing.
func Shim() {
	if os.Getenv(shimVariable) == "" {
		return
	}
	// The filter belongs to the thread, and execve keeps it.
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

// stopAtBoundary makes the kernel stop the calling thread, and the program that it
// executes, at each call of callNames for the tracer.
func stopAtBoundary() error {
	// In struct seccomp_data: the number of the call, and the architecture.
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
