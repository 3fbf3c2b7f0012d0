package main

import (
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

// startGuard starts the guard and waits until it has the lock. The guard has a
// session of its own, so that it survives this process and its terminal.
func startGuard(netns string, wait time.Duration) (*guardProcess, error) {
	cmd := exec.Command("/proc/self/exe", "guard", "--time", wait.String(), "--netns", netns)
	cmd.Args[0] = "lvsmark"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guard: %w", err)
	}
	g := &guardProcess{cmd: cmd, in: in, lines: lines(out)}
	line := <-g.lines
	if _, err := fmt.Sscanf(line, guardReady+" %d %d", &g.token.Before, &g.token.After); err != nil {
		g.end()
		if why, failed := strings.CutPrefix(line, guardFailed+" "); failed {
			return nil, errors.New(why)
		}
		return nil, errors.New("starting the guard: it exited at once; nothing was changed")
	}
	return g, nil
}

// send sends a message to the guard. It ignores a failed write: lines ends when the
// guard has exited.
func (g *guardProcess) send(message string) { _, _ = fmt.Fprintln(g.in, message) }

// afterFailure dismisses the guard if apply has left no changes. Otherwise the guard
// rolls back.
func (g *guardProcess) afterFailure(err error) error {
	_, differs := errors.AsType[*lvsmark.VerifyError](err)
	undone, failed := errors.AsType[*lvsmark.RollbackError](err)
	if !differs && (!failed || len(undone.Left) == 0) {
		g.send(guardDismiss)
		return err
	}
	g.send(guardRestore)
	if line := <-g.lines; line == guardRestored {
		return fmt.Errorf("%w; rolled back to the previous state", err)
	}
	return err
}

// detach lets the guard run on after this process.
func (g *guardProcess) detach() { g.cmd = nil }

// end waits until the guard exits, unless it is detached.
func (g *guardProcess) end() {
	if g.cmd == nil {
		return
	}
	_ = g.in.Close()
	_ = g.cmd.Wait()
}
