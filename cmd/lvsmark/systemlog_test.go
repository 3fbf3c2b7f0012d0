package main

import (
	"net"
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
	need.Root(t)
	need.Programs(t, "unshare", "mount")
	socket := filepath.Join(t.TempDir(), "log")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	require.NoError(t, err)
	defer listener.Close()
	command := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c",
		`mount -t tmpfs tmpfs /dev && ln -s "$1" /dev/log && exec "$2" -c /nonexistent.yaml probe server --fail-open ftp rs1`, "sh", socket, need.Lvsmark(t))
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, listener.SetReadDeadline(time.Now().Add(time.Minute)))
	line := make([]byte, 1024)
	n, err := listener.Read(line)
	require.NoError(t, err)
	assert.Regexp(t, `^<28>.* lvsmark\[\d+\]: nothing was probed: .*/nonexistent.yaml: no such file`, string(line[:n]))
}
