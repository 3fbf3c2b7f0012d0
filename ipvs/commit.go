package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ErrStale reports that another process has added or deleted the service or real server.
// The change was not made.
var ErrStale = errors.New("IPVS was changed by another process")

// A staleError also matches ErrStale. Its message is that of hintFor.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Apply makes the changes in order, in batches, and stops after a batch with a refusal. It
// returns a result for each attempted change: nil if it was made, else an error that names
// the object, wraps the errno, wraps ErrStale if another process has changed the object,
// and contains a hint if the cause is known. Changes after the first error may have been
// made. If the kernel's answer is lost, it is unknown which changes were made (see
// IsApplied); the cause is the error of each.
func (c *Conn) Apply(changes ...Change) []error {
	var answers []error
	for len(changes) > 0 {
		n := batchLen(changes)
		batch := c.applyBatch(changes[:n])
		answers = append(answers, batch...)
		if slices.ContainsFunc(batch, func(err error) bool { return err != nil }) {
			break
		}
		changes = changes[n:]
	}
	return answers
}

// batchLen returns the number of changes in the next batch. The kernel executes all of
// them, also after a refusal. So a change must not depend on another one of its batch:
// destinations could be added to a service that another process has added. A change that
// ends connections is a batch of its own.
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
	c.encoded = c.encoded[:0]
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

// changeRequest encodes a change behind those of c.encoded: thousands of changes need no
// buffer each.
func (c *Conn) changeRequest(change Change) netlink.Request {
	begin := len(c.encoded)
	command, encoded := encodeChange(c.encoded, change)
	c.encoded = encoded
	return c.request(command, 0, encoded[begin:])
}

func encodeChange(b []byte, change Change) (command uint8, encoded []byte) {
	switch change.Op {
	case AddService:
		return cmdNewService, appendService(b, change.Service)
	case EditService:
		return cmdSetService, appendService(b, change.Service)
	case DelService:
		return cmdDelService, appendKey(b, change.Service.Key)
	case AddDestination:
		return cmdNewDest, appendDestination(appendKey(b, change.Service.Key), change.After)
	case EditDestination:
		return cmdSetDest, appendDestination(appendKey(b, change.Service.Key), change.After)
	case DelDestination:
		return cmdDelDest, appendDestination(appendKey(b, change.Service.Key), change.Before)
	}
	panic(fmt.Sprintf("ipvs: operation %d is unknown", change.Op))
}

// explain adds the name of the failed change and a hint.
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

// isStale reports whether the cause is a change by another process, not a missing module.
func isStale(change Change, err error) bool {
	noScheduler := errors.Is(err, unix.ENOENT) && change.setsService()
	return !noScheduler && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EEXIST))
}

func (c Change) setsService() bool { return c.Op == AddService || c.Op == EditService }

// hintFor returns the probable cause of a refusal and its fix, since the kernel uses one
// errno for several causes.
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
		return "the service does not exist: another process has deleted it"
	case errors.Is(err, unix.EEXIST):
		return "it exists already: another process has added it"
	case errors.Is(err, unix.EAFNOSUPPORT):
		return "this kernel's IPVS does not support IPv6: CONFIG_IP_VS_IPV6 is off"
	case errors.Is(err, unix.EINVAL) && change.Op == AddDestination:
		return hintForAddress(change)
	}
	return ""
}

// hintForAddress returns the requirement on a destination's address that the change does
// not meet. The second one occurs in new network namespaces: without any address, the
// kernel has no table of local addresses and treats every address as broadcast.
func hintForAddress(change Change) string {
	if change.Service.Family.Bits() != change.After.Address.BitLen() {
		return "a real server of the other address family needs tunnel forwarding, without a sync daemon"
	}
	return "its address must be unicast, and this network namespace must have an address: is lo up?"
}
