package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/nft"
)

// scriptTimeout limits the waits of scripts; it measures nothing.
const scriptTimeout = 60 * time.Second

// awaitConfirm reads the file err, which has the standard error of apply.
func awaitConfirm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: await-confirm")
	}
	await(ts, func() bool {
		printed, _ := os.ReadFile(ts.MkAbs("err"))
		return strings.Contains(string(printed), "will be rolled back unless confirmed within ")
	})
}

// awaitClient waits until the guard's socket has a connection beside itself in the list of the
// namespace (unix(7)): both have its name.
func awaitClient(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: await-client")
	}
	await(ts, func() bool {
		list, err := exec.Command("ip", "netns", "exec", ts.Getenv("NETNS"), "cat", "/proc/net/unix").Output()
		ts.Check(err)
		return strings.Count(string(list), " @lvsmark-") > 1
	})
}

func awaitUnlock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: await-unlock")
	}
	await(ts, func() bool {
		list, err := exec.Command("ip", "netns", "exec", ts.Getenv("NETNS"), "nft", "list", "tables").Output()
		ts.Check(err)
		return !strings.Contains(string(list), nft.LockTable)
	})
}

func await(ts *testscript.TestScript, done func() bool) {
	for deadline := time.Now().Add(scriptTimeout); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("timeout after %s", scriptTimeout)
		}
	}
}

// sendSignal signals the last program in the background, or the guard that it has
// started.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	running := ts.BackgroundCmds()
	if neg || len(args) == 0 || len(args) > 2 || len(running) == 0 {
		ts.Fatalf("usage: signal SIGNAL [guard], with a program in the background")
	}
	pid := running[len(running)-1].Process.Pid
	if len(args) == 2 {
		pid = childOf(ts, pid)
	}
	ts.Check(unix.Kill(pid, unix.SignalNum("SIG"+args[0])))
}

// childOf returns the only child of a process. Each of its threads may have started it.
func childOf(ts *testscript.TestScript, pid int) int {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	ts.Check(err)
	var children []byte
	for _, list := range lists {
		text, err := os.ReadFile(list)
		ts.Check(err)
		children = append(children, text...)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(children)))
	ts.Check(err)
	return child
}
