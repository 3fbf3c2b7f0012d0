// Command lvsmark makes the kernel of a Linux Virtual Server director match one
// file that describes its clusters, and shows the changes before it makes them.
package main

import (
	"context"
	"errors"
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
	ctx := untilSignal() // first: until then a signal ends the process without a message
	tuneMemory()
	s := streams{os.Stdin, newOutputFile(ctx, os.Stdout), newOutputFile(ctx, os.Stderr)}
	os.Exit(run(ctx, s, os.Args[1:]))
}

// run runs the program with the given streams and arguments and returns the exit
// status.
func run(ctx context.Context, s streams, args []string) int {
	root := newRoot(s)
	help := &stickyWriter{Writer: s.out}
	root.SetOut(help)
	root.SetArgs(args)
	if forCompletion(args) {
		completeNoFiles(root)
		describeFlags(root)
	}
	err := root.ExecuteContext(ctx)
	if help.err != nil && (err == nil || errors.Is(err, help.err)) {
		err = outputError(help.err)
	}
	return s.report(err, args...)
}
