package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/nft"
)

// The protocol of apply --confirm and its guard, one line for each message: apply
// writes to the guard's standard input, the guard to its standard output.
const (
	guardReady   = "ready" // followed by the generations before and after the lock
	guardApplied = "applied"
	guardConfirm = "confirm"
	guardRestore = "restore"
	guardDismiss = "dismiss" // nothing to roll back

	guardConfirmed = "confirmed"
	guardRestoring = "restoring" // the result follows
	guardRestored  = "restored"  // followed by the objects that could not be restored
	guardFailed    = "failed"    // followed by the reason
)

// newGuard returns the hidden verb that apply --confirm starts in a session of its
// own. It takes the lock, captures a checkpoint, and restores that unless the apply
// is confirmed in time.
func newGuard(s streams, opts *options) *cobra.Command {
	var wait time.Duration
	var unmarked []string
	cmd := &cobra.Command{
		Use:    "guard",
		Short:  "roll back an apply --confirm that is not confirmed in time",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runGuard(cmd.Context(), s, lvsmark.Options{NetNS: opts.netns, Unmarked: unmarked}, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "time", 0, "`TIME` for a confirmation")
	cmd.Flags().StringArrayVar(&unmarked, "unmarked", nil, "`TABLE` that apply takes over without lvsmark's comment")
	return cmd
}

// A guard waits for messages of apply, clients, signals and the end of the time.
type guard struct {
	wait    time.Duration
	apply   <-chan string // lines of apply; closed when it has exited
	clients chan client   // each an lvsmark confirm
	confirm chan os.Signal
	applied bool

	confirmedBy *client // nil: by a signal or by apply
}

func runGuard(ctx context.Context, s streams, o lvsmark.Options, wait time.Duration) error {
	signal.Ignore(unix.SIGHUP, unix.SIGPIPE) // apply and its terminal may be gone
	g := &guard{wait: wait, apply: lines(s.in), clients: make(chan client), confirm: make(chan os.Signal, 1)}
	signal.Notify(g.confirm, unix.SIGUSR1)
	name := newConfirmName()
	listener, err := listenForConfirm(o.NetNS, name)
	if err != nil {
		return g.answer(s.out, guardFailed+" "+err.Error())
	}
	defer listener.Close()
	o.LockOwner = fmt.Sprintf("apply --confirm %s, %s%s", wait, confirmBy, name)
	locked, err := lvsmark.Lock(ctx, o)
	if err != nil {
		return g.answer(s.out, guardFailed+" "+oneLine(err))
	}
	defer locked.Release()
	go serveConfirm(listener, g.clients)
	if err := g.answer(s.out, fmt.Sprintf("%s %d %d", guardReady, locked.Before, locked.After)); err != nil {
		return err
	}
	switch g.listen(ctx) {
	case guardConfirm:
		// apply first: if this process is killed in between, apply must not roll back
		// what the client takes for confirmed.
		err := g.answer(s.out, guardConfirmed)
		if g.confirmedBy != nil {
			g.confirmedBy.reply(guardConfirmed)
		}
		return err
	case guardRestore:
		go refuseConfirm(g.clients)
		_ = g.answer(s.out, guardRestoring)
		return g.answer(s.out, restore(locked))
	}
	return nil
}

// listen returns guardConfirm, guardRestore or guardDismiss. The time begins when
// apply has made its changes. An apply that exits before that without a message has
// left its changes incomplete: they are rolled back.
func (g *guard) listen(ctx context.Context) string {
	var timeout <-chan time.Time
	var confirm <-chan os.Signal // nil until apply has made its changes
	for {
		select {
		case line, ok := <-g.apply:
			switch {
			case !ok && g.applied:
				g.apply = nil
			case !ok:
				return guardRestore
			case line == guardApplied:
				g.applied = true
				timeout, confirm = time.After(g.wait), g.confirm
			default:
				return line
			}
		case c := <-g.clients:
			if g.applied {
				g.confirmedBy = &c
				return guardConfirm
			}
			c.reply("apply is still running")
		case <-confirm:
			return guardConfirm
		case <-timeout:
			return guardRestore
		case <-ctx.Done():
			return guardRestore
		}
	}
}

// answer writes a line to apply. After the changes are made, a failed write is
// ignored: apply may have exited.
func (g *guard) answer(out io.Writer, line string) error {
	_, err := fmt.Fprintln(out, line)
	if g.applied {
		return nil
	}
	return err
}

// Restoring is tried restoreTries times, with a pause between.
const (
	restoreTries = 5
	restorePause = time.Second
)

// restore restores the checkpoint and writes the result to the system log, because
// apply may have exited.
func restore(locked *lvsmark.LockedCheckpoint) string {
	var err error
	for range restoreTries {
		var done *lvsmark.Plan
		if done, err = locked.Restore(context.Background()); err == nil {
			lost := lostText(done.Lost())
			logSystem("apply was not confirmed: " + rolledBack(lost))
			for _, warning := range done.Warnings() {
				logSystem("warning: " + warning)
			}
			return strings.TrimSpace(guardRestored + " " + lost)
		}
		time.Sleep(restorePause)
	}
	logSystem("apply was not confirmed, and the rollback failed: " + oneLine(err))
	return guardFailed + " " + oneLine(err)
}

// rolledBack describes a rollback that did not restore what is in lost; empty: none.
func rolledBack(lost string) string {
	if lost == "" {
		return "rolled back to the previous state"
	}
	return "rolled back to the previous state, except for: " + lost
}

func lostText(lost []nft.LostObject) string {
	names := make([]string, len(lost))
	for i, l := range lost {
		names[i] = l.String()
	}
	return strings.Join(names, ", ")
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// lines returns a channel of the lines of r, closed at its end.
func lines(r io.Reader) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			c <- scanner.Text()
		}
	}()
	return c
}

// newConfirmName returns a random name, so that no other process can take it first.
func newConfirmName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return "lvsmark-" + hex.EncodeToString(b)
}

// listenForConfirm listens on an abstract unix(7) socket, which belongs to the
// network namespace and ends with the process.
func listenForConfirm(netns, name string) (listener *net.UnixListener, err error) {
	err = lvsmark.InNamespace(netns, func() error {
		listener, err = net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: "@" + name})
		return err
	})
	return listener, err
}
