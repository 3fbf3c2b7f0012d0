// Command lvsmark makes the kernel of a Linux Virtual Server director match one
// file that describes its clusters, and shows the changes before it makes them.
package main

import (
	"context"
	"os"
	"runtime/debug"
)

// The garbage collector first runs at a heap of 32 MB (8 times the minimum heap, see
// package runtime), which most runs never reach. Near memoryLimit it runs more often:
// a spec of 10,000 clusters comes near it, and the longest valid specs take a third
// more time.
const (
	garbagePercent = 800
	memoryLimit    = 170 << 20
)

// tuneMemory sets the garbage collector for a short-lived process. The environment
// takes precedence.
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
	os.Exit(run(untilSignal(), streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// run runs the program with the given streams and arguments and returns the exit
// status.
func run(ctx context.Context, s streams, args []string) int {
	root := newRoot(s)
	root.SetArgs(args)
	return s.report(root.ExecuteContext(ctx))
}
