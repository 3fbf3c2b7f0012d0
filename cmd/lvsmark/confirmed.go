package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

// confirmedApply applies while a guard runs, and waits for the confirmation.
func confirmedApply(ctx context.Context, s streams, opts *options, work *applyWork, o lvsmark.Options, wait time.Duration) error {
	planned, err := work.plan(ctx, o)
	if err != nil {
		return err
	}
	if len(planned.Changes) == 0 {
		return s.printChanges(opts.output, planned, applied)
	}
	confirmSources := newConfirmSources()
	checkpoint, err := lvsmark.Capture(ctx, o) // used if the guard is killed
	if err != nil {
		return err
	}
	guard, err := startGuard(opts.netns, wait)
	if err != nil {
		return err
	}
	defer guard.end()
	o.LockToken = &guard.token
	result, err := work.apply(ctx, o)
	if err != nil {
		return guard.afterFailure(err)
	}
	guard.send(guardApplied)
	deadline := time.Now().Add(wait)
	confirmSources.readEnter(s)
	if opts.output == formatText {
		if err := s.printChanges(opts.output, result, applied); err != nil {
			s.printErr("lvsmark: %v", err)
		}
	}
	s.printErr("lvsmark: will be rolled back unless confirmed within %s: with `lvsmark confirm`%s or SIGUSR1 to %d", wait, confirmSources.enterText(), os.Getpid())
	if err := guard.await(ctx, s, confirmSources, checkpoint, deadline); err != nil {
		return err
	}
	s.printErr("lvsmark: confirmed")
	if opts.output == formatJSON {
		document := newChangesDocument(result)
		document.Confirmed = true
		return s.printJSON(document)
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
func newConfirmSources() *confirmSources {
	c := &confirmSources{signals: make(chan os.Signal, 4)}
	signal.Notify(c.signals, unix.SIGUSR1, unix.SIGHUP)
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

var (
	errNotConfirmed = errors.New("not confirmed: rolled back to the previous state")
	errDetached     = errors.New("the terminal is closed and the apply is not confirmed: it is rolled back unless `lvsmark confirm` confirms it in time")
)

// await forwards confirmations to the guard and returns its result. The guard
// measures the time. If it is killed, this process takes over.
func (g *guardProcess) await(ctx context.Context, s streams, c *confirmSources, checkpoint *lvsmark.Checkpoint, deadline time.Time) error {
	done := ctx.Done()
	var timeout <-chan time.Time
	for {
		word := ""
		select {
		case line, ok := <-g.lines:
			if ok {
				return guardResult(line)
			}
			s.printErr("lvsmark: the guard process was killed: this process waits for the confirmation instead, and `lvsmark confirm` no longer works")
			g.lines, timeout = nil, time.After(time.Until(deadline))
			continue
		case sig := <-c.signals:
			if sig == unix.SIGHUP {
				g.detach()
				return errDetached
			}
			word = guardConfirm
		case <-c.enter:
			word = guardConfirm
		case <-done:
			word, done = guardRestore, nil
		case <-timeout:
			word = guardRestore
		}
		switch {
		case g.lines != nil:
			g.send(word)
		case word == guardConfirm:
			return nil
		default:
			if _, err := checkpoint.Restore(context.WithoutCancel(ctx)); err != nil {
				return fmt.Errorf("not confirmed, and the rollback failed: %w", err)
			}
			return errNotConfirmed
		}
	}
}

func guardResult(line string) error {
	word, why, _ := strings.Cut(line, " ")
	switch word {
	case guardConfirmed:
		return nil
	case guardRestored:
		return errNotConfirmed
	}
	return fmt.Errorf("not confirmed, and the rollback failed: %s", why)
}
