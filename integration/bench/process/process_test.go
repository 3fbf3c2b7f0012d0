package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

func namespace(t *testing.T) *equivalence.Namespace {
	t.Helper()
	need.Root(t)
	n, err := equivalence.NewNamespace()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, n.Close()) })
	return n
}

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

// TestTime: the time includes the run of the command, not only its start.
func TestTime(t *testing.T) {
	took, err := Command{Args: shell("sleep 0.2")}.Time(namespace(t))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, took.Seconds(), 0.2)
}

// TestInNamespace: a measured command runs in the namespace, and reads its input file.
func TestInNamespace(t *testing.T) {
	n := namespace(t)
	where := ""
	require.NoError(t, n.Do(func() (err error) {
		where, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	}))
	stdin := filepath.Join(t.TempDir(), "stdin")
	require.NoError(t, os.WriteFile(stdin, []byte(where+"\n"), 0o644))
	c := Command{Args: shell(`read -r where; test "$where" = "$(readlink /proc/self/ns/net)"`), Stdin: stdin}
	_, err := c.Time(n)
	require.NoError(t, err)
	_, err = c.Peak(n)
	require.NoError(t, err)
	_, err = c.Time(namespace(t))
	assert.Error(t, err)
}

// TestPeak: memory of the command counts, memory of the parent does not.
func TestPeak(t *testing.T) {
	ballast := bytes.Repeat([]byte{1}, 64<<20)
	n := namespace(t)
	small, err := Command{Args: []string{"/bin/true"}}.Peak(n)
	require.NoError(t, err)
	assert.Positive(t, small)
	assert.Less(t, small, int64(8<<20))

	large, err := Command{Args: shell(`x=$(head -c 20000000 /dev/zero | tr '\0' x)`)}.Peak(n)
	require.NoError(t, err)
	assert.Greater(t, large, int64(20_000_000))
	assert.Len(t, ballast, 64<<20)
}

// TestFails: an unexpected exit status is an error with the command's message.
func TestFails(t *testing.T) {
	n := namespace(t)
	for name, measure := range map[string]func(Command) error{
		"time": func(c Command) error { _, err := c.Time(n); return err },
		"peak": func(c Command) error { _, err := c.Peak(n); return err },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, measure(Command{Args: shell("exit 1"), Status: 1}))
			require.ErrorContains(t, measure(Command{Args: shell("echo no such table >&2; exit 3")}), "ended with status 3, not status 0: no such table")
			require.ErrorContains(t, measure(Command{Args: shell("kill -TERM $$")}), "ended with SIGTERM")
			assert.Error(t, measure(Command{Args: []string{"/nonexistent"}}))
			err := measure(Command{Args: shell("exit 0"), Status: 1})
			require.Error(t, err)
			assert.True(t, strings.HasSuffix(err.Error(), "no error message"), err)
		})
	}
}
