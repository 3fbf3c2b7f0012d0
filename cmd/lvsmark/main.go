// Command lvsmark makes the kernel of a Linux Virtual Server director match one
// file that describes its clusters, and shows beforehand what would change.
package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

func main() {
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
