// Command lvsmark makes the kernel of a Linux Virtual Server director match one
// file that describes its clusters, and shows beforehand what would change.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// The garbage collector begins when there are 32 MB (8 times the least, see package
// runtime), which most runs never have, and is at it more often where memory nears
// memoryLimit: a spec of 10,000 clusters comes near it, one of the longest that are
// read takes a third more time for it.
const (
	garbagePercent = 800
	memoryLimit    = 170 << 20
)

// tuneMemory is for a process that soon ends. What the environment says counts more.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func main() {
	tuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run is the whole program apart from the process that it runs in. It returns
// the exit status.
func run(ctx context.Context, s streams, args []string) int {
	root := newRoot(s)
	root.SetArgs(args)
	return s.report(root.ExecuteContext(ctx))
}
