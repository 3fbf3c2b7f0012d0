package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/syslog"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

// What apply --confirm and its guard say to each other, a line each: the one
// through the guard's standard input, the other through its standard output.
const (
	guardReady   = "ready" // and the generations before and after the lock
	guardApplied = "applied"
	guardConfirm = "confirm"
	guardRestore = "restore"
	guardDismiss = "dismiss" // nothing was changed

	guardConfirmed = "confirmed"
	guardRestored  = "restored"
	guardFailed    = "failed" // and why
)

// newGuard is the process that apply --confirm leaves behind, in a session of
// its own: it captures what was there, has the lock, and brings all back unless
// it hears in time that the new state may stay.
func newGuard(s streams, opts *options) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:    "guard",
		Short:  "hold what was there before an apply, for apply --confirm",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runGuard(cmd.Context(), s, opts.netns, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "time", 0, "`TIME` for a confirmation")
	return cmd
}

// A guard waits for one of several events.
type guard struct {
	wait    time.Duration
	apply   <-chan string // lines of apply; closed when it is gone
	clients chan client   // lvsmark confirm
	confirm chan os.Signal
	applied bool
}

func runGuard(ctx context.Context, s streams, netns string, wait time.Duration) error {
	signal.Ignore(unix.SIGHUP, unix.SIGPIPE) // apply may be gone, and its terminal
	g := &guard{wait: wait, apply: lines(s.in), clients: make(chan client), confirm: make(chan os.Signal, 1)}
	signal.Notify(g.confirm, unix.SIGUSR1)
	name := newConfirmName()
	listener, err := listenForConfirm(netns, name)
	if err != nil {
		return g.answer(s.out, guardFailed+" "+err.Error())
	}
	defer listener.Close()
	held, err := lvsmark.Lock(ctx, lvsmark.Options{NetNS: netns, LockOwner: fmt.Sprintf("apply --confirm %s, %s%s", wait, confirmBy, name)})
	if err != nil {
		return g.answer(s.out, guardFailed+" "+oneLine(err))
	}
	defer held.Release()
	go serveConfirm(listener, g.clients)
	if err := g.answer(s.out, fmt.Sprintf("%s %d %d", guardReady, held.Before, held.After)); err != nil {
		return err
	}
	switch g.listen(ctx) {
	case guardConfirm:
		return g.answer(s.out, guardConfirmed)
	case guardRestore:
		go refuseConfirm(g.clients)
		return g.answer(s.out, restore(held))
	}
	return nil
}

// listen returns what has to be done: to confirm, restore or be dismissed. The
// time begins when apply has done its work; an apply that ends without a word
// before that has left something half done.
func (g *guard) listen(ctx context.Context) string {
	var timeout <-chan time.Time
	var confirm <-chan os.Signal // what comes too early waits
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
				c.reply(guardConfirmed)
				return guardConfirm
			}
			c.reply("the apply is still under way")
		case <-confirm:
			return guardConfirm
		case <-timeout:
			return guardRestore
		case <-ctx.Done():
			return guardRestore
		}
	}
}

// answer tells apply. That it is gone changes nothing.
func (g *guard) answer(out io.Writer, line string) error {
	_, err := fmt.Fprintln(out, line)
	if g.applied {
		return nil
	}
	return err
}

// Restoring is tried so often, with a pause between.
const (
	restoreTries = 5
	restorePause = time.Second
)

// restore brings all back, and tells the system's log, since nobody may be there
// any more to hear of it.
func restore(held *lvsmark.LockedCheckpoint) string {
	var err error
	for range restoreTries {
		if _, err = held.Restore(context.Background()); err == nil {
			tellSystem("the apply was not confirmed: all that was there before is back")
			return guardRestored
		}
		time.Sleep(restorePause)
	}
	tellSystem("the apply was not confirmed, and not all could be brought back: " + oneLine(err))
	return guardFailed + " " + oneLine(err)
}

func tellSystem(text string) {
	log, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "lvsmark")
	if err != nil {
		return // there is no log
	}
	_ = log.Warning(text)
	_ = log.Close()
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// lines are those of r, until it ends.
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

// newConfirmName is one that nobody can guess and take beforehand.
func newConfirmName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails
	return "lvsmark-" + hex.EncodeToString(b)
}

// listenForConfirm listens on an abstract unix(7) socket, which belongs to the
// network namespace and goes with the process.
func listenForConfirm(netns, name string) (listener *net.UnixListener, err error) {
	err = lvsmark.InNamespace(netns, func() error {
		listener, err = net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: "@" + name})
		return err
	})
	return listener, err
}
