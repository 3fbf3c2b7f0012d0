package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// untilSignal returns a context that the first SIGINT, SIGTERM, SIGQUIT or SIGHUP
// cancels: a verb then undoes its changes and ends. The second SIGINT, SIGTERM or SIGQUIT
// ends the process at once.
//
// SIGHUP never does: when a session ends, a process gets it from the shell and from the
// kernel (disassociate_ctty), and logind sends it right after SIGTERM. An ignored SIGHUP
// stays ignored, see nohup(1).
func untilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGQUIT)
	context.AfterFunc(ctx, stop)
	if !signal.Ignored(unix.SIGHUP) {
		ctx, _ = signal.NotifyContext(ctx, unix.SIGHUP)
	}
	return ctx
}

// takeHangup sends SIGHUP to c instead of cancelling the context of untilSignal, unless
// SIGHUP is ignored.
func takeHangup(c chan<- os.Signal) {
	if !signal.Ignored(unix.SIGHUP) {
		signal.Reset(unix.SIGHUP)
		signal.Notify(c, unix.SIGHUP)
	}
}

// ignoreClosedPipe makes a write to a closed pipe fail. Otherwise SIGPIPE ends the
// process, and the exit status does not tell that the changes are made.
func ignoreClosedPipe() { signal.Ignore(unix.SIGPIPE) }
