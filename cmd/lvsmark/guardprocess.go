package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/lvsmark/lvsmark"
)

// A guardProcess is the running guard of an apply --confirm.
type guardProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines <-chan string // nil: it has exited
	token lvsmark.LockToken
}

// A guard may be stopped or frozen by another process. After these times without a
// message it is killed.
const (
	startTimeout   = 30 * time.Second // for the lock and the checkpoint
	answerTimeout  = time.Second
	restoreTimeout = 60 * time.Second
)

// startGuard starts the guard and waits until it has the lock. The guard has a
// session of its own, so that it survives this process and its terminal.
func startGuard(ctx context.Context, o lvsmark.Options, wait time.Duration) (*guardProcess, error) {
	cmd := exec.Command("/proc/self/exe", "guard", "--time", wait.String())
	if o.NetNS != "" {
		cmd.Args = append(cmd.Args, "--netns", o.NetNS)
	}
	for _, table := range o.Unmarked {
		cmd.Args = append(cmd.Args, "--unmarked", table)
	}
	cmd.Args[0] = "lvsmark"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, notStarted(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, notStarted(err)
	}
	if err := cmd.Start(); err != nil {
		return nil, notStarted(err)
	}
	g := &guardProcess{cmd: cmd, in: in, lines: lines(out)}
	line := ""
	select {
	case line = <-g.lines:
	case <-ctx.Done():
		g.kill()
		g.end()
		return nil, notStarted(context.Cause(ctx))
	case <-time.After(startTimeout):
		g.kill()
		g.end()
		return nil, notStarted(fmt.Errorf("it did not answer within %s", startTimeout))
	}
	if _, err := fmt.Sscanf(line, guardReady+" %d %d", &g.token.Before, &g.token.After); err != nil {
		g.end()
		if why, failed := strings.CutPrefix(line, guardFailed+" "); failed {
			return nil, errors.New(why)
		}
		return nil, notStarted(errors.New("it exited at once"))
	}
	return g, nil
}

// notStarted returns the error of a guard that cannot be started: apply then changes nothing.
func notStarted(err error) error {
	return fmt.Errorf("starting the guard: %w; nothing was changed", err)
}

// send sends a message to the guard. It ignores a failed write: lines ends when the
// guard has exited.
func (g *guardProcess) send(message string) { _, _ = fmt.Fprintln(g.in, message) }

// afterFailure dismisses the guard if apply has left no changes. Otherwise the guard
// rolls back, or this process if the guard does not.
func (g *guardProcess) afterFailure(err error, checkpoint *lvsmark.Checkpoint) error {
	_, differs := errors.AsType[*lvsmark.VerifyError](err)
	undone, failed := errors.AsType[*lvsmark.RollbackError](err)
	if !differs && (!failed || len(undone.Left) == 0) {
		g.send(guardDismiss)
		return err
	}
	g.send(guardRestore)
	line := g.result()
	if line == "" {
		g.end()
		if done, restoreErr := checkpoint.Restore(context.Background()); restoreErr == nil {
			line = guardRestored + " " + lostText(done.Lost())
		}
	}
	if word, lost, _ := strings.Cut(line, " "); word == guardRestored {
		return fmt.Errorf("%w; %s", err, rolledBack(lost))
	}
	return err
}

// result returns the last message of the guard; empty if it was killed.
func (g *guardProcess) result() string {
	silent := time.After(answerTimeout)
	for {
		select {
		case line := <-g.lines:
			if line != guardRestoring {
				return line
			}
			silent = time.After(restoreTimeout)
		case <-silent:
			g.kill()
		}
	}
}

// detach lets the guard run on after this process.
func (g *guardProcess) detach() { g.cmd = nil }

// kill kills a guard that does not answer. The kernel then releases its lock.
func (g *guardProcess) kill() { _ = g.cmd.Process.Kill() }

// end waits until the guard exits, unless it is detached.
func (g *guardProcess) end() {
	if g.cmd == nil {
		return
	}
	_ = g.in.Close()
	defer time.AfterFunc(answerTimeout, g.kill).Stop()
	_ = g.cmd.Wait()
}
