package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ErrStale says that a change came too late: another process has added or deleted the
// service or real server. That change was not made.
var ErrStale = errors.New("IPVS was changed by another process")

// A staleError wraps ErrStale too. Its hint says as much.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Apply makes the changes in their order, many at a time, and stops where the kernel
// refuses one. It returns an answer for each change that was begun: nil when it was
// made, else an error that names the object, wraps the errno, wraps ErrStale where
// another process was faster, and says what helps if that is known. Changes after the
// first error may have been made. Where the kernel's answer was lost, it is not known
// which changes were made: each has the reason as its error, see Done.
func (c *Conn) Apply(changes ...Change) []error {
	var answers []error
	for len(changes) > 0 {
		n := batchLen(changes)
		some := c.applyBatch(changes[:n])
		answers = append(answers, some...)
		if slices.ContainsFunc(some, func(err error) bool { return err != nil }) {
			break
		}
		changes = changes[n:]
	}
	return answers
}

// batchLen is how many of the changes go to the kernel in one piece. It executes all of
// them, whatever becomes of the first. So none may depend on another, or destinations
// would be added to a service that another process has added; and a change that ends
// connections goes alone.
func batchLen(changes []Change) int {
	var added []Key
	for i, change := range changes[:min(len(changes), netlink.BatchLimit)] {
		if change.Disrupts() || slices.Contains(added, change.Service.Key) {
			return max(i, 1)
		}
		if change.Op == AddService {
			added = append(added, change.Service.Key)
		}
	}
	return min(len(changes), netlink.BatchLimit)
}

func (c *Conn) applyBatch(changes []Change) []error {
	requests := make([]netlink.Request, len(changes))
	for i, change := range changes {
		requests[i] = c.changeRequest(change)
	}
	answers := c.execute(requests...)
	for i, err := range answers {
		if err != nil {
			answers[i] = explain(changes[i], err)
		}
	}
	return answers
}

// changeRequest is the message that makes the change.
func (c *Conn) changeRequest(change Change) netlink.Request {
	switch change.Op {
	case AddService:
		return c.request(cmdNewService, 0, appendService(nil, change.Service))
	case EditService:
		return c.request(cmdSetService, 0, appendService(nil, change.Service))
	case DelService:
		return c.request(cmdDelService, 0, appendKey(nil, change.Service.Key))
	case AddDestination:
		return c.request(cmdNewDest, 0, appendDestination(appendKey(nil, change.Service.Key), change.After))
	case EditDestination:
		return c.request(cmdSetDest, 0, appendDestination(appendKey(nil, change.Service.Key), change.After))
	case DelDestination:
		return c.request(cmdDelDest, 0, appendDestination(appendKey(nil, change.Service.Key), change.Before))
	}
	panic(fmt.Sprintf("ipvs: operation %d is unknown", change.Op))
}

// explain names the change that was not made, and says what helps.
func explain(change Change, err error) error {
	subject := fmt.Sprintf("%s %s", change.Verb(), change.Object())
	switch hint := hintFor(change, err); {
	case isStale(change, err):
		return staleError{fmt.Errorf("%s: %w (%s)", subject, err, hint)}
	case hint != "":
		return fmt.Errorf("%s: %w (%s)", subject, err, hint)
	}
	return fmt.Errorf("%s: %w", subject, err)
}

// isStale tells a change by another process from a module that is missing.
func isStale(change Change, err error) bool {
	noScheduler := errors.Is(err, unix.ENOENT) && change.setsService()
	return !noScheduler && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EEXIST))
}

func (c Change) setsService() bool { return c.Op == AddService || c.Op == EditService }

// hintFor says what a refusal means and what helps: the kernel has one errno for many
// causes.
func hintFor(change Change, err error) string {
	switch {
	case errors.Is(err, unix.ENOENT) && change.setsService():
		hint := fmt.Sprintf("scheduler %q needs the module ip_vs_%[1]s: try \"modprobe ip_vs_%[1]s\"", change.Service.SchedName)
		if engine := change.Service.PEName; engine != "" {
			hint += fmt.Sprintf("; and persistence engine %q the module ip_vs_pe_%[1]s", engine)
		}
		return hint
	case errors.Is(err, unix.ENOENT):
		return "the service has no such real server: another process has deleted it"
	case errors.Is(err, unix.ESRCH):
		return "there is no such service: another process has deleted it"
	case errors.Is(err, unix.EEXIST):
		return "it is there already: another process has added it"
	case errors.Is(err, unix.EAFNOSUPPORT):
		return "this kernel's IPVS has no IPv6: CONFIG_IP_VS_IPV6"
	case errors.Is(err, unix.EINVAL) && change.Op == AddDestination:
		return hintForAddress(change)
	}
	return ""
}

// hintForAddress says what the kernel demands of a destination's address. The last is
// seen in new network namespaces: without any address there is no table of local
// addresses, and without that the kernel takes all others for broadcasts.
func hintForAddress(change Change) string {
	if change.Service.Family.Bits() != change.After.Address.BitLen() {
		return "a real server of the other address family needs tunnel forwarding, and no sync daemon"
	}
	return "its address has to be unicast, and this network namespace needs an address of its own first: is lo up?"
}
