package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// next waits until a traced thread stops or ends. It leaves other children of the
// thread alone: before it became the tracer, the thread may have started processes for
// other goroutines, which wait for them.
func (t *tracer) next() (pid int, err error) {
	const what = unix.WEXITED | unix.WSTOPPED | unix.WNOWAIT | unix.WALL | unix.WNOTHREAD
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, what, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for the traced processes: %w", err)
		}
		if pid := pidOf(&info); t.traces(pid) {
			return pid, nil
		}
		time.Sleep(time.Millisecond)
	}
}

// pidOf returns si_pid, which follows three numbers and padding.
func pidOf(info *unix.Siginfo) int {
	const offset = 16
	b := (*[offset + 4]byte)(unsafe.Pointer(info))
	return int(binary.NativeEndian.Uint32(b[offset:]))
}

// traces reports whether the thread is traced. A new thread may end before its
// parent's event arrives.
func (t *tracer) traces(pid int) bool {
	if _, ok := t.processes[pid]; ok {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !strings.Contains(string(status), "\nTracerPid:\t0\n")
}
