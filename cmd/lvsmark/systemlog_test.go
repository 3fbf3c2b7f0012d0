package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestFailOpenIsLogged: a health check says in the system log that it probed nothing, because
// keepalived closes its standard error.
func TestFailOpenIsLogged(t *testing.T) {
	status, line := runLogged(t, "-c", "/nonexistent.yaml", "probe", "server", "--fail-open", "ftp", "rs1")
	assert.Equal(t, statusDone, status)
	assert.Regexp(t, `^<28>.* lvsmark\[\d+\]: nothing was probed: .*/nonexistent.yaml: no such file`, line)
}

// TestErrorOfClosedTerminalIsLogged: an error that standard error does not take is in the
// system log.
func TestErrorOfClosedTerminalIsLogged(t *testing.T) {
	status, line := runLogged(t, "-c", "/nonexistent.yaml", "apply")
	assert.Equal(t, statusError, status)
	assert.Regexp(t, `^<28>.* lvsmark\[\d+\]: open /nonexistent.yaml: no such file`, line)
}

// runLogged runs lvsmark with a standard error that takes nothing, and returns its exit
// status and the first line in the system log.
func runLogged(t *testing.T, args ...string) (status int, line string) {
	t.Helper()
	need.Root(t)
	need.Programs(t, "unshare", "mount")
	socket := filepath.Join(t.TempDir(), "log")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	require.NoError(t, err)
	defer listener.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	const script = `mount -t tmpfs tmpfs /dev && ln -s "$1" /dev/log && shift && exec "$@"`
	command := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "sh", "-c", script, "sh", socket, need.Lvsmark(t)}, args...)...)
	command.Stderr = full
	if err := command.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	require.NoError(t, listener.SetReadDeadline(time.Now().Add(time.Minute)))
	text := make([]byte, 1024)
	n, err := listener.Read(text)
	require.NoError(t, err)
	return command.ProcessState.ExitCode(), string(text[:n])
}
