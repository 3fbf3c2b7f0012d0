package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

// confirmBy stands before the name of the guard's socket in what others are told
// who find the network namespace locked.
const confirmBy = "confirm by "

// confirmTimeout bounds the wait for the guard's answer.
const confirmTimeout = 30 * time.Second

func newConfirm(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "let stay what apply --confirm did",
		Long: `Confirm tells an apply --confirm that waits in the network namespace that what it
did may stay. Any terminal will do: the best proof that a director can still be
reached is a new connection to it.

It needs root.

Exit status: 0, confirmed; 2, nothing waits to be confirmed, or it is too late.`,
		Example: `  lvsmark confirm
  lvsmark --netns director confirm`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			owner, err := lvsmark.LockOwner(lvsmark.Options{NetNS: opts.netns})
			if err != nil {
				return err
			}
			_, name, ok := strings.Cut(owner, confirmBy)
			switch {
			case owner == "":
				return errors.New("nothing waits to be confirmed here")
			case !ok:
				return fmt.Errorf("nothing waits to be confirmed here, but another lvsmark is at work: %s", owner)
			}
			name, _, _ = strings.Cut(name, ",")
			answer, err := askGuard(opts.netns, name)
			if err != nil {
				return fmt.Errorf("asking the guard of %s: %w", owner, err)
			}
			if answer != guardConfirmed {
				return fmt.Errorf("not confirmed: %s", answer)
			}
			if opts.output == formatJSON {
				return s.printJSON(confirmDocument{Version: documentVersion, Confirmed: true})
			}
			return s.print("confirmed\n")
		},
	}
}

// askGuard says to the guard that all may stay.
func askGuard(netns, name string) (answer string, err error) {
	err = lvsmark.InNamespace(netns, func() error {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: "@" + name})
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(confirmTimeout)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, guardConfirm+"\n"); err != nil {
			return err
		}
		answer, err = bufio.NewReader(conn).ReadString('\n')
		answer = strings.TrimSuffix(answer, "\n")
		return err
	})
	return answer, err
}

// A client of the guard is an lvsmark confirm that waits for a reply.
type client struct {
	conn    net.Conn
	replied chan<- struct{}
}

func (c client) reply(text string) {
	_, _ = fmt.Fprintln(c.conn, text)
	close(c.replied)
}

// serveConfirm hands clients on, one at a time, if they may: an abstract socket
// has no permissions of its own.
func serveConfirm(listener *net.UnixListener, clients chan<- client) {
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		_ = conn.SetDeadline(time.Now().Add(confirmTimeout))
		if mayConfirm(conn) && asksToConfirm(conn) {
			replied := make(chan struct{})
			clients <- client{conn, replied}
			<-replied
		}
		_ = conn.Close()
	}
}

func asksToConfirm(conn net.Conn) bool {
	line, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString('\n')
	return err == nil && line == guardConfirm+"\n"
}

// mayConfirm reports whether the other end is root, or who runs the guard.
func mayConfirm(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	allowed := false
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		allowed = err == nil && (cred.Uid == 0 || int(cred.Uid) == os.Geteuid())
	})
	return err == nil && allowed
}

// refuseConfirm answers those who come too late.
func refuseConfirm(clients <-chan client) {
	for c := range clients {
		c.reply("too late: what was there before is being brought back")
	}
}
