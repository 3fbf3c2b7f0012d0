// Package daemon runs keepalived for tests of what it makes of its configuration.
package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvsmark/lvsmark/integration/scratch"
)

// Keepalived runs the checker of keepalived with a configuration, in the network namespace
// of the thread, until `ipvsadm -Sn` prints the wanted services, for at most a minute. It
// returns what ipvsadm printed last. Both are in the form of Saved.
func Keepalived(t testing.TB, configuration string, want []string) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("conf"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("keepalived", "--dont-fork", "--log-console", "--check", "--use-file", file("conf"),
		"--pid", file("pid"), "--checkers_pid", file("checkers"))
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var output strings.Builder
	daemon.Stdout, daemon.Stderr = &output, &output
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = Saved(scratch.Run(t, "", "ipvsadm", "-Sn")); slices.Equal(got, want) {
			break
		}
	}
	_ = syscall.Kill(-daemon.Process.Pid, syscall.SIGKILL)
	_ = daemon.Wait()
	if !slices.Equal(got, want) {
		t.Log(&output)
	}
	return got
}

// Saved sorts the lines of `ipvsadm -Sn`, and makes marks unsigned. It leaves out
// thresholds, which ipvsadm does not write.
func Saved(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for _, name := range []string{"-x", "-y"} {
			if at := slices.Index(words, name); at >= 0 && at+1 < len(words) {
				words = slices.Delete(words, at, at+2)
			}
		}
		if at := slices.Index(words, "-f"); at >= 0 && at+1 < len(words) {
			words[at+1] = unsigned(words[at+1])
		}
		lines = append(lines, strings.Join(words, " "))
	}
	slices.Sort(lines)
	return lines
}

// unsigned returns a mark as an unsigned number: ipvsadm 1.31 prints marks from 0x80000000
// on as negative numbers.
func unsigned(mark string) string {
	n, err := strconv.ParseInt(mark, 10, 64)
	if err != nil {
		return mark
	}
	return strconv.FormatUint(uint64(uint32(n)), 10)
}
