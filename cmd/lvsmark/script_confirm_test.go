package main

import (
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/nft"
)

// scriptTimeout bounds what scripts wait for; it is no measure of anything.
const scriptTimeout = 60 * time.Second

// waiting looks at what apply has said into the file err.
func waiting(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: waiting")
	}
	await(ts, func() bool {
		said, _ := os.ReadFile(ts.MkAbs("err"))
		return strings.Contains(string(said), "all comes back in ")
	})
}

func released(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: released")
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
			ts.Fatalf("waited in vain")
		}
	}
}

func tell(ts *testscript.TestScript, neg bool, args []string) {
	running := ts.BackgroundCmds()
	if neg || len(args) != 1 || len(running) == 0 {
		ts.Fatalf("usage: tell SIGNAL, with a program in the background")
	}
	ts.Check(unix.Kill(running[len(running)-1].Process.Pid, unix.SignalNum("SIG"+args[0])))
}
