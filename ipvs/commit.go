package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// ErrStale says that a change came too late: the service or real server is there
// already, or no longer. Nothing came of that change.
var ErrStale = errors.New("IPVS was changed meanwhile")

// A staleError wraps ErrStale too. Its hint says as much.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Do makes the changes in their order, many at a time, and stops where the kernel
// refuses one. It returns an answer for each that was begun: nil when it was
// made, else an error that names the object, keeps the kernel's words (a
// syscall.Errno is wrapped) and says what helps if that is known. Behind the
// first error others may have been made all the same. When the kernel's answer
// was lost, so that it is not known what was made, the error says so of each.
func (c *Conn) Do(changes ...Change) []error {
	var answers []error
	for len(changes) > 0 {
		n := together(changes)
		some := c.do(changes[:n])
		answers = append(answers, some...)
		if slices.ContainsFunc(some, func(err error) bool { return err != nil }) {
			break
		}
		changes = changes[n:]
	}
	return answers
}

// together tells how many of the changes go to the kernel in one piece. It
// carries out all of that, whatever becomes of the first. So none may hang off
// another, or real servers would be added to a service of somebody else's that
// was there already; and what ends connections goes alone.
func together(changes []Change) int {
	var added []Key
	for i, change := range changes[:min(len(changes), exchange.BatchLimit)] {
		if change.Disrupts() || slices.Contains(added, change.Service.Key) {
			return max(i, 1)
		}
		if change.Op == AddService {
			added = append(added, change.Service.Key)
		}
	}
	return min(len(changes), exchange.BatchLimit)
}

func (c *Conn) do(changes []Change) []error {
	requests := make([]request, len(changes))
	for i, change := range changes {
		requests[i] = change.request()
	}
	answers := c.tell(requests...)
	for i, err := range answers {
		if err != nil {
			answers[i] = explain(changes[i], err)
		}
	}
	return answers
}

// request is what makes the change.
func (c Change) request() request {
	service := func(b []byte) []byte { return appendService(b, c.Service) }
	key := func(b []byte) []byte { return appendKey(b, c.Service.Key) }
	server := func(server Destination) func([]byte) []byte {
		return func(b []byte) []byte { return appendDestination(key(b), server) }
	}
	switch c.Op {
	case AddService:
		return request{cmdNewService, service}
	case EditService:
		return request{cmdSetService, service}
	case DelService:
		return request{cmdDelService, key}
	case AddDestination:
		return request{cmdNewDest, server(c.After)}
	case EditDestination:
		return request{cmdSetDest, server(c.After)}
	case DelDestination:
		return request{cmdDelDest, server(c.Before)}
	}
	panic(fmt.Sprintf("ipvs: operation %d is unknown", c.Op))
}

// explain says what was not done, and what helps.
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

// isStale tells somebody else's change from a module that is missing.
func isStale(change Change, err error) bool {
	noScheduler := errors.Is(err, unix.ENOENT) && change.setsService()
	return !noScheduler && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EEXIST))
}

func (c Change) setsService() bool { return c.Op == AddService || c.Op == EditService }

// hintFor says what a refusal means and what helps: the kernel's words alone
// are the same for many causes.
func hintFor(change Change, err error) string {
	switch {
	case errors.Is(err, unix.ENOENT) && change.setsService():
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
	case errors.Is(err, unix.EINVAL) && change.Op == AddDestination:
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
