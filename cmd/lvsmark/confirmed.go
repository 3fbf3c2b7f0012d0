package main

import (
	"bufio"
	"cmp"
	"context"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

// confirmedApply applies while a guard runs, and waits for the confirmation.
func confirmedApply(ctx context.Context, s streams, opts *options, plan planner, o lvsmark.Options, wait time.Duration) error {
	ignoreClosedPipe()
	p, err := plan(ctx, o)
	if err == nil {
		err = cmp.Or(p.Locked(), p.Refused())
	}
	if err != nil {
		return err
	}
	if len(p.Changes()) == 0 {
		return s.afterChanges(s.printChanges(opts.output, p, applied), false)
	}
	confirmSources := newConfirmSources(ctx)
	o.Unmarked = p.Unmarked()
	checkpoint, err := lvsmark.Capture(ctx, o) // used if the guard is killed
	if err != nil {
		return err
	}
	guard, err := startGuard(ctx, o, wait)
	if err != nil {
		return err
	}
	defer guard.end()
	done, err := lvsmark.Apply(ctx, p.WithLock(guard.token))
	if err != nil {
		return guard.afterFailure(err, checkpoint)
	}
	guard.send(guardApplied)
	deadline := time.Now().Add(wait)
	confirmSources.readEnter(s)
	if opts.output == formatText {
		_ = s.afterChanges(s.printChanges(opts.output, done, applied), len(done.Changes()) > 0)
	}
	s.printErr("lvsmark: will be rolled back unless confirmed within %s: with `lvsmark confirm`%s or SIGUSR1 to %d", wait, confirmSources.enterText(), os.Getpid())
	waiting := &guardWait{guard: guard, s: s, sources: confirmSources, checkpoint: checkpoint, deadline: deadline}
	if err := waiting.wait(ctx); err != nil {
		return err
	}
	s.printErr("lvsmark: confirmed")
	if opts.output == formatJSON {
		document := newChangesDocument(done)
		document.Confirmed = true
		return s.afterChanges(s.printJSON(document), len(done.Changes()) > 0)
	}
	return nil
}

// confirmSources are the signals and the keyboard of an apply that waits for
// confirmation.
type confirmSources struct {
	signals chan os.Signal
	enter   chan struct{} // nil: no terminal
}

// newConfirmSources subscribes to the signals. It is called before the changes are
// made, so that a signal during apply is handled afterwards.
func newConfirmSources(ctx context.Context) *confirmSources {
	c := &confirmSources{signals: make(chan os.Signal, 4)}
	signal.Notify(c.signals, unix.SIGUSR1)
	takeHangup(ctx, c.signals)
	return c
}

// readEnter waits for Enter on the terminal. It discards earlier input.
func (c *confirmSources) readEnter(s streams) {
	in, ok := s.in.(*os.File)
	if !ok || !isTerminal(in) {
		return
	}
	signal.Ignore(unix.SIGTTIN) // a background process gets no Enter and must not stop
	_ = unix.IoctlSetInt(int(in.Fd()), unix.TCFLSH, unix.TCIFLUSH)
	c.enter = make(chan struct{}, 1)
	go func() {
		if _, err := bufio.NewReader(in).ReadString('\n'); err == nil {
			c.enter <- struct{}{}
		}
	}()
}

func (c *confirmSources) enterText() string {
	if c.enter == nil {
		return ""
	}
	return ", Enter"
}
