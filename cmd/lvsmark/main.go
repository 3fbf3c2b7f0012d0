// Command lvsmark makes the kernel of a Linux Virtual Server director match one
// file that describes its clusters, and shows beforehand what would change.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// ballast is memory that nobody touches, so that it takes no room. The garbage
// collector waits until the heap has doubled: without it, from 4 MB on, which is
// often for a process that soon ends.
const ballast = 12 << 20

// memoryLimit is where the garbage collector stops to wait until the heap has
// doubled. A spec of 10,000 clusters comes near it, one of the longest that are
// read takes a third more time for it.
const memoryLimit = 170 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	weight := make([]byte, ballast)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	status := run(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	runtime.KeepAlive(weight)
	os.Exit(status)
}

// run is the whole program apart from the process that it runs in. It returns
// the exit status.
func run(ctx context.Context, s streams, args []string) int {
	root := newRoot(s)
	root.SetArgs(args)
	return s.report(root.ExecuteContext(ctx))
}
