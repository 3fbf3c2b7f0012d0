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
		ctx = untilHangup(ctx)
	}
	return ctx
}

// hangupKey is the key of a context of untilHangup. Its value ends the effect of SIGHUP on the
// context.
type hangupKey struct{}

func untilHangup(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	hangup, stop := signal.NotifyContext(context.Background(), unix.SIGHUP)
	forget := context.AfterFunc(hangup, func() { cancel(context.Cause(hangup)) })
	return context.WithValue(ctx, hangupKey{}, func() {
		forget()
		stop()
	})
}

// takeHangup sends SIGHUP to c instead of cancelling the context of untilSignal, unless
// SIGHUP is ignored. SIGHUP has a receiver at every moment: otherwise it would end the process.
func takeHangup(ctx context.Context, c chan<- os.Signal) {
	if end, ok := ctx.Value(hangupKey{}).(func()); ok {
		signal.Notify(c, unix.SIGHUP)
		end()
	}
}

// ignoreClosedPipe makes a write to a closed pipe fail. Otherwise SIGPIPE ends the
// process, and the exit status does not tell that the changes are made.
func ignoreClosedPipe() { signal.Ignore(unix.SIGPIPE) }
