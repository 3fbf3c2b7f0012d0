package ipvs

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// initialUserNamespace is the link of the initial user namespace: PROC_USER_INIT_INO of
// linux/proc_ns.h.
const initialUserNamespace = "user:[4026531837]"

// TestInUserNamespace compares with the number of the namespace, in this process and in one with a
// user namespace of its own.
func TestInUserNamespace(t *testing.T) {
	link, err := os.Readlink("/proc/self/ns/user")
	require.NoError(t, err)
	assert.Equal(t, link != initialUserNamespace, inUserNamespace())
	if os.Getenv("LVSMARK_TEST_NAMESPACE") != "" {
		assert.True(t, inUserNamespace())
		return
	}
	again := exec.Command(os.Args[0], "-test.run", "^TestInUserNamespace$")
	again.Env = append(os.Environ(), "LVSMARK_TEST_NAMESPACE=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	out, err := again.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Skip("no user namespace: ", err)
	}
	assert.NoError(t, err, "%s", out)
}

// TestConnectionsUnopened: an error other than a missing table is yielded. With no file
// descriptor left, the kernel refuses before it looks up the name.
func TestConnectionsUnopened(t *testing.T) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max}))
	var errs []error
	for _, err := range EachConnection() {
		errs = append(errs, err)
	}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], unix.EMFILE)
}
