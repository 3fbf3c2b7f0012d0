package scratch

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// DropPrivileges makes the calling thread, and no other, run as user nobody. Call it
// only inside Do, whose thread ends afterwards.
func DropPrivileges(t testing.TB) {
	t.Helper()
	const nobody = 65534
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody)
	require.Zero(t, errno)
}
