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

var (
	errNotConfirmed = errors.New("not confirmed: rolled back to the previous state")
	errDetached     = errors.New("the terminal is closed and the apply is not confirmed: it is rolled back unless `lvsmark confirm` confirms it in time")
)

// A guardWait is an apply that has made its changes and waits for the confirmation.
// The guard decides. If the guard is killed or does not answer, this process takes
// over.
type guardWait struct {
	guard      *guardProcess
	s          streams
	sources    *confirmSources
	checkpoint *lvsmark.Checkpoint
	deadline   time.Time

	word   string           // what the guard was told, or this process has to do; empty: wait
	silent <-chan time.Time // the guard should have answered by then
	ended  <-chan time.Time // the deadline, after the guard is gone
}

// wait returns nil if the changes are confirmed.
func (w *guardWait) wait(ctx context.Context) error {
	w.silent = time.After(time.Until(w.deadline) + answerTimeout)
	interrupted := ctx.Done()
	for w.guard.lines != nil || w.word == "" {
		select {
		case line, ok := <-w.guard.lines:
			if ok && line != guardRestoring {
				return guardResult(line)
			}
			w.heard(ok)
		case <-w.silent:
			w.s.printErr("lvsmark: the guard process does not answer and is killed: this process takes over")
			w.guard.kill()
			w.silent = nil
			if w.word == "" {
				w.word = guardRestore
			}
		case signal := <-w.sources.signals:
			if signal == unix.SIGHUP {
				w.guard.detach()
				return errDetached
			}
			w.tell(guardConfirm)
		case <-w.sources.enter:
			w.tell(guardConfirm)
		case <-interrupted:
			interrupted = nil
			w.tell(guardRestore)
		case <-w.ended:
			w.word = guardRestore
		}
	}
	if w.word == guardConfirm {
		return nil
	}
	if _, err := w.checkpoint.Restore(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("not confirmed, and the rollback failed: %w", err)
	}
	return errNotConfirmed
}

// heard handles the message that the guard rolls back, or the end of the guard.
func (w *guardWait) heard(restoring bool) {
	if restoring {
		w.silent = time.After(restoreTimeout)
		return
	}
	w.guard.end()
	w.guard.lines, w.silent = nil, nil
	if w.word == "" {
		w.s.printErr("lvsmark: the guard process was killed: this process waits for the confirmation instead, and `lvsmark confirm` no longer works")
		w.ended = time.After(time.Until(w.deadline))
	}
}

func (w *guardWait) tell(word string) {
	w.word = word
	if w.guard.lines != nil {
		w.guard.send(word)
		w.silent = time.After(answerTimeout)
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
