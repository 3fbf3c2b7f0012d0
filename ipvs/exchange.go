package ipvs

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// answerLimit is how long the kernel may take to answer. It works through a
// request before the call that sends it returns, so this only keeps lvsmark from
// waiting for an answer that was lost.
const answerLimit = 30 * time.Second

// ready is called before each request over generic netlink. After an exchange
// that failed it opens another socket: answers that nobody read may still come
// over the former one, and would be taken for those to what is asked next.
func (c *Conn) ready() error {
	if c.spoiled {
		genl, err := dialGeneric()
		if err != nil {
			return err
		}
		_ = c.genl.Close()
		c.genl, c.spoiled = genl, false
	}
	return c.genl.SetDeadline(time.Now().Add(answerLimit))
}

func dialGeneric() (*genetlink.Conn, error) {
	genl, err := genetlink.Dial(nil)
	if err == nil {
		err = genl.SetDeadline(time.Now().Add(answerLimit))
	}
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	return genl, nil
}

// dialRoute opens a connection to rtnetlink for one exchange.
func dialRoute() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(answerLimit))
}

// refusal reduces an error of the netlink libraries to the kernel's own words,
// and adds ErrPrivilege where that is what is missing.
func refusal(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the kernel did not answer within %s", answerLimit)
	}
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok {
		return err
	}
	if errno == unix.EPERM || errno == unix.EACCES {
		return fmt.Errorf("%w: %w", errno, ErrPrivilege)
	}
	return errno
}
