package main

import (
	"bufio"
	"context"
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
	"github.com/lvsmark/lvsmark/internal/printable"
)

// confirmBy precedes the name of the guard's socket in the description of the lock
// owner.
const confirmBy = "confirm by "

// confirmTimeout limits the wait for the guard's answer.
const confirmTimeout = 30 * time.Second

func newConfirm(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm",
		Short: "keep the changes of apply --confirm",
		Long: `Confirm keeps the changes of the 'apply --confirm' that waits in this network
namespace. Run it over a new connection to the director: this shows that the
director can still be reached.

It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN with --netns.

Exit status: 0, confirmed; 2, no apply waits for confirmation, or it is too late.`,
		Example: `  lvsmark confirm
  lvsmark --netns director confirm`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ignoreClosedPipe()
			owner, err := lvsmark.LockOwner(lvsmark.Options{NetNS: opts.netns})
			if err != nil {
				return err
			}
			_, name, ok := strings.Cut(owner, confirmBy)
			switch {
			case owner == "":
				return errors.New("no apply waits for confirmation in this network namespace")
			case !ok:
				return fmt.Errorf("no apply waits for confirmation in this network namespace; another lvsmark is running: %s", printable.Line(owner))
			}
			name, _, _ = strings.Cut(name, ",")
			answer, err := askGuard(cmd.Context(), opts.netns, name)
			if err != nil {
				return fmt.Errorf("sending the confirmation to the guard of %s: %w", printable.Line(owner), err)
			}
			if answer != guardConfirmed {
				return fmt.Errorf("not confirmed: %s", answer)
			}
			if opts.output == formatJSON {
				return s.afterChanges(s.printJSON(confirmDocument{Version: documentVersion, Confirmed: true}), true)
			}
			return s.afterChanges(s.print("confirmed\n"), true)
		},
	}
}

// askGuard sends the confirmation to the guard and returns its answer. The guard may be
// stopped and not answer.
func askGuard(ctx context.Context, netns, name string) (answer string, err error) {
	err = lvsmark.InNamespace(netns, func() error {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: "@" + name})
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(confirmTimeout)); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(0, 1)) })()
		if _, err := io.WriteString(conn, guardConfirm+"\n"); err != nil {
			return err
		}
		answer, err = bufio.NewReader(conn).ReadString('\n')
		answer = strings.TrimSuffix(answer, "\n")
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("%w; the guard may still get the confirmation", context.Cause(ctx))
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("it did not answer within %s, and may still get the confirmation", confirmTimeout)
	}
	return answer, err
}

// A client is an lvsmark confirm that waits for the guard's reply.
type client struct {
	conn    net.Conn
	replied chan<- struct{}
}

func (c client) reply(text string) {
	_, _ = fmt.Fprintln(c.conn, text)
	close(c.replied)
}

// serveConfirm sends permitted clients to the channel, one at a time. It checks
// permissions itself, because an abstract socket has none.
func serveConfirm(listener *net.UnixListener, clients chan<- client) {
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		_ = conn.SetDeadline(time.Now().Add(confirmTimeout))
		if mayConfirm(conn) && requestsConfirm(conn) {
			replied := make(chan struct{})
			clients <- client{conn, replied}
			<-replied
		}
		_ = conn.Close()
	}
}

func requestsConfirm(conn net.Conn) bool {
	line, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString('\n')
	return err == nil && line == guardConfirm+"\n"
}

// mayConfirm reports whether the peer is root or the user of the guard.
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

// refuseConfirm answers clients after the rollback has begun.
func refuseConfirm(clients <-chan client) {
	for c := range clients {
		c.reply("too late: the rollback has begun")
	}
}
