package ipvs

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrStale says that a change came too late: the service or real server is there
// already, or no longer. Nothing was changed.
var ErrStale = errors.New("IPVS was changed meanwhile")

// A staleError wraps ErrStale too. Its hint says as much.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Do makes one change. Where the kernel refuses, the error names the object,
// keeps the kernel's words (a syscall.Errno is wrapped) and says what helps if
// that is known; nothing is changed then.
func (c *Conn) Do(change Change) error {
	err := c.do(change)
	if err == nil {
		return nil
	}
	err = refusal(err)
	subject := fmt.Sprintf("%s %s", change.Verb(), change.Object())
	switch hint := hintFor(change, err); {
	case isStale(change, err):
		return staleError{fmt.Errorf("%s: %w (%s)", subject, err, hint)}
	case hint != "":
		return fmt.Errorf("%s: %w (%s)", subject, err, hint)
	}
	return fmt.Errorf("%s: %w", subject, err)
}

func (c *Conn) do(change Change) error {
	switch change.Op {
	case AddService:
		return c.confirm(change, c.moby.NewService(change.Service.toMoby()))
	case EditService:
		return c.confirm(change, c.moby.UpdateService(change.Service.toMoby()))
	case DelService:
		return c.confirm(change, c.moby.DelService(change.Service.toMoby()))
	case AddServer:
		return c.doServer(cmdNewDest, change.Service.Key, change.After)
	case EditServer:
		return c.doServer(cmdSetDest, change.Service.Key, change.After)
	case DelServer:
		return c.doServer(cmdDelDest, change.Service.Key, change.Before)
	}
	return fmt.Errorf("operation %d is unknown", change.Op)
}

// confirm looks whether moby/ipvs did what it says: when it could not resolve
// IPVS's netlink family, once for the process, it does nothing and reports no
// error.
func (c *Conn) confirm(change Change, err error) error {
	if err != nil {
		return err
	}
	done, err := c.Done(change)
	if err == nil && !done {
		err = errors.New("the kernel does not hold what it was told")
	}
	return err
}

func (c *Conn) doServer(command uint8, service Key, server Server) error {
	return c.command(command, func(ae *netlink.AttributeEncoder) {
		encodeKey(ae, service)
		encodeServer(ae, server)
	})
}

// isStale tells somebody else's change from a module that is missing.
func isStale(change Change, err error) bool {
	noScheduler := errors.Is(err, unix.ENOENT) && change.setsHeader()
	return !noScheduler && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EEXIST))
}

func (c Change) setsHeader() bool { return c.Op == AddService || c.Op == EditService }

// hintFor says what a refusal means and what helps: the kernel's words alone
// are the same for many causes.
func hintFor(change Change, err error) string {
	switch {
	case errors.Is(err, unix.ENOENT) && change.setsHeader():
		hint := fmt.Sprintf("scheduler %q needs the module ip_vs_%[1]s: try \"modprobe ip_vs_%[1]s\"", change.Service.Scheduler)
		if engine := change.Service.PersistenceEngine; engine != "" {
			hint += fmt.Sprintf("; and persistence engine %q the module ip_vs_pe_%[1]s", engine)
		}
		return hint
	case errors.Is(err, unix.ENOENT):
		return "the service has no such real server: somebody else has deleted it"
	case errors.Is(err, unix.ESRCH):
		return "there is no such service: somebody else has deleted it"
	case errors.Is(err, unix.EEXIST):
		return "it is there already: somebody else has added it"
	case errors.Is(err, unix.EAFNOSUPPORT):
		return "this kernel's IPVS has no IPv6: CONFIG_IP_VS_IPV6"
	case errors.Is(err, unix.EINVAL) && change.Op == AddServer:
		return hintForAddress(change)
	}
	return ""
}

// hintForAddress knows what the kernel asks of a real server's address. The
// last is seen in new network namespaces: without any address there is no table
// of local ones, and without that the kernel takes all others for broadcasts.
func hintForAddress(change Change) string {
	if change.Service.Family.Bits() != change.After.Address.BitLen() {
		return "a real server of the other address family needs tunnel forwarding, and no sync daemon"
	}
	return "its address has to be unicast, and this network namespace needs an address of its own first: is lo up?"
}
