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

// A guardProcess is the guard as apply --confirm sees it.
type guardProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines <-chan string // nil: it is gone
	token lvsmark.LockToken
}

// startGuard starts one, in a session of its own so that nothing that ends this
// process ends it, and waits until it has the lock.
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
		return nil, errors.New("starting the guard: it ended at once; nothing was changed")
	}
	return g, nil
}

// tell says a word to the guard. That it is gone shows in its lines.
func (g *guardProcess) tell(word string) { _, _ = fmt.Fprintln(g.in, word) }

// afterFailure sends the guard away when nothing is left of what apply did, and
// else has it bring back what was there.
func (g *guardProcess) afterFailure(err error) error {
	_, differs := errors.AsType[*lvsmark.VerifyError](err)
	undone, failed := errors.AsType[*lvsmark.RollbackError](err)
	if !differs && (!failed || len(undone.Left) == 0) {
		g.tell(guardDismiss)
		return err
	}
	g.tell(guardRestore)
	if line := <-g.lines; line == guardRestored {
		return fmt.Errorf("%w; all that was there before was brought back", err)
	}
	return err
}

// detach leaves the guard to itself.
func (g *guardProcess) detach() { g.cmd = nil }

// end waits for the guard's end, unless it is left to itself.
func (g *guardProcess) end() {
	if g.cmd == nil {
		return
	}
	_ = g.in.Close()
	_ = g.cmd.Wait()
}
