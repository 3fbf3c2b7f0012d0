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

// confirmedApply applies under a guard, and waits for a confirmation.
func confirmedApply(ctx context.Context, s streams, opts *options, work *applyWork, o lvsmark.Options, wait time.Duration) error {
	planned, err := work.plan(ctx, o)
	if err != nil {
		return err
	}
	if len(planned.Changes) == 0 {
		return s.printChanges(opts.output, planned, applied)
	}
	confirmSources := hearSignals()
	checkpoint, err := lvsmark.Capture(ctx, o) // for the case that the guard is killed
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
	guard.tell(guardApplied)
	deadline := time.Now().Add(wait)
	confirmSources.hearEnter(s)
	if opts.output == formatText {
		if err := s.printChanges(opts.output, result, applied); err != nil {
			s.say("lvsmark: %v", err)
		}
	}
	s.say("lvsmark: all comes back in %s unless confirmed: with `lvsmark confirm`%s or SIGUSR1 to %d", wait, confirmSources.enterText(), os.Getpid())
	if err := guard.await(ctx, s, confirmSources, checkpoint, deadline); err != nil {
		return err
	}
	s.say("lvsmark: confirmed")
	if opts.output == formatJSON {
		document := newChangesDocument(result)
		document.Confirmed = true
		return s.printJSON(document)
	}
	return nil
}

// confirmSources are the ways to confirm an apply, or to take it back, while it waits.
type confirmSources struct {
	signals chan os.Signal
	enter   chan struct{} // nil: nobody has a keyboard
}

// hearSignals begins early: one that comes while apply is still at work counts
// when it is done.
func hearSignals() *confirmSources {
	v := &confirmSources{signals: make(chan os.Signal, 4)}
	signal.Notify(v.signals, unix.SIGUSR1, unix.SIGHUP)
	return v
}

// hearEnter hears the keyboard, but nothing that was typed before.
func (v *confirmSources) hearEnter(s streams) {
	in, ok := s.in.(*os.File)
	if !ok || !isTerminal(in) {
		return
	}
	signal.Ignore(unix.SIGTTIN) // in the background there is no Enter, and no reason to stop
	_ = unix.IoctlSetInt(int(in.Fd()), unix.TCFLSH, unix.TCIFLUSH)
	v.enter = make(chan struct{}, 1)
	go func() {
		if _, err := bufio.NewReader(in).ReadString('\n'); err == nil {
			v.enter <- struct{}{}
		}
	}()
}

func (v *confirmSources) enterText() string {
	if v.enter == nil {
		return ""
	}
	return ", Enter"
}

var (
	errNotConfirmed = errors.New("not confirmed: all that was there before is back")
	errDetached     = errors.New("the terminal is gone, and nothing is confirmed yet: `lvsmark confirm` can still do that in time, else all that was there before comes back")
)

// await waits until the guard says how it ended. The guard has the clock; when
// it is killed, this process goes on in its place.
func (g *guardProcess) await(ctx context.Context, s streams, v *confirmSources, checkpoint *lvsmark.Checkpoint, deadline time.Time) error {
	done := ctx.Done()
	var timeout <-chan time.Time
	for {
		word := ""
		select {
		case line, ok := <-g.lines:
			if ok {
				return outcome(line)
			}
			s.say("lvsmark: the guard is gone: waiting for a confirmation here instead; `lvsmark confirm` cannot be heard any more")
			g.lines, timeout = nil, time.After(time.Until(deadline))
			continue
		case sig := <-v.signals:
			if sig == unix.SIGHUP {
				g.detach()
				return errDetached
			}
			word = guardConfirm
		case <-v.enter:
			word = guardConfirm
		case <-done:
			word, done = guardRestore, nil
		case <-timeout:
			word = guardRestore
		}
		switch {
		case g.lines != nil:
			g.tell(word)
		case word == guardConfirm:
			return nil
		default:
			if _, err := checkpoint.Restore(context.WithoutCancel(ctx)); err != nil {
				return fmt.Errorf("not confirmed, and not all could be brought back: %w", err)
			}
			return errNotConfirmed
		}
	}
}

func outcome(line string) error {
	word, why, _ := strings.Cut(line, " ")
	switch word {
	case guardConfirmed:
		return nil
	case guardRestored:
		return errNotConfirmed
	}
	return fmt.Errorf("not confirmed, and not all could be brought back: %s", why)
}
