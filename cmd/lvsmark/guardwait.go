package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

var errDetached = errors.New("the terminal is closed and the apply is not confirmed: it is rolled back unless `lvsmark confirm` confirms it in time")

// A guardWait is an apply that has made its changes and waits for the confirmation.
// The guard decides. If the guard is killed or does not answer, this process takes
// over.
type guardWait struct {
	guard      *guardProcess
	s          streams
	sources    *confirmSources
	checkpoint *lvsmark.Checkpoint
	deadline   time.Time

	decision string           // guardConfirm or guardRestore; empty: none yet
	silent   <-chan time.Time // the time limit of the guard's answer
	ended    <-chan time.Time // the deadline, after the guard has exited
}

// wait returns nil if the changes are confirmed.
func (w *guardWait) wait(ctx context.Context) error {
	w.silent = time.After(time.Until(w.deadline) + answerTimeout)
	interrupted := ctx.Done()
	for w.guard.lines != nil || w.decision == "" {
		select {
		case line, ok := <-w.guard.lines:
			if ok && line != guardRestoring {
				return guardResult(line)
			}
			w.handleGuard(ok)
		case <-w.silent:
			w.s.printErr("lvsmark: the guard process does not answer and is killed: this process takes over")
			w.guard.kill()
			w.silent = nil
			if w.decision == "" {
				w.decision = guardRestore
			}
		case signal := <-w.sources.signals:
			if signal == unix.SIGHUP {
				w.guard.detach()
				return errDetached
			}
			w.decide(guardConfirm)
		case <-w.sources.enter:
			w.decide(guardConfirm)
		case <-interrupted:
			interrupted = nil
			w.decide(guardRestore)
		case <-w.ended:
			w.decision = guardRestore
		}
	}
	if w.decision == guardConfirm {
		return nil
	}
	done, err := w.checkpoint.Restore(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("not confirmed, and the rollback failed: %w", err)
	}
	return notConfirmed(lostText(done.Lost()))
}

// notConfirmed is the error of an apply that was rolled back, except for lost objects.
func notConfirmed(lost string) error { return errors.New("not confirmed: " + rolledBack(lost)) }

// handleGuard handles the message that the guard rolls back, or the exit of the guard.
func (w *guardWait) handleGuard(restoring bool) {
	if restoring {
		w.silent = time.After(restoreTimeout)
		return
	}
	w.guard.end()
	w.guard.lines, w.silent = nil, nil
	if w.decision == "" {
		w.s.printErr("lvsmark: the guard process was killed: this process waits for the confirmation instead, and `lvsmark confirm` no longer works")
		w.ended = time.After(time.Until(w.deadline))
	}
}

// decide sets the decision and sends it to the guard.
func (w *guardWait) decide(decision string) {
	w.decision = decision
	if w.guard.lines != nil {
		w.guard.send(decision)
		w.silent = time.After(answerTimeout)
	}
}

func guardResult(line string) error {
	word, why, _ := strings.Cut(line, " ")
	switch word {
	case guardConfirmed:
		return nil
	case guardRestored:
		return notConfirmed(why)
	}
	return fmt.Errorf("not confirmed, and the rollback failed: %s", why)
}
