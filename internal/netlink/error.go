package netlink

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrMalformed says that a message from the kernel cannot be read.
var ErrMalformed = errors.New("the kernel sent a message that is malformed")

// ErrOther says that what was received answers another request.
var ErrOther = errors.New("the kernel's answer is not to what it was asked")

// ErrInterrupted says that objects were added or deleted while the kernel listed them
// (NLM_F_DUMP_INTR): some may be missing from the list.
var ErrInterrupted = errors.New("the kernel's objects change while they are listed")

// ErrPrivilege says that the kernel allows the request with CAP_NET_ADMIN only.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// AnswerLimit is how long the kernel may take to answer. It executes a request before
// the call that sends it returns. The limit only keeps lvsmark from waiting for an
// answer that was lost.
const AnswerLimit = 30 * time.Second

// A KernelError is the kernel's refusal of a request (NLMSG_ERROR, or NLMSG_DONE of a
// dump, with an errno).
type KernelError struct {
	Errno       unix.Errno
	ExtendedAck string // NLMSGERR_ATTR_MSG; mostly empty
}

func (e *KernelError) Error() string {
	if e.ExtendedAck == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%v (%s)", e.Errno, e.ExtendedAck)
}

// Unwrap returns the errno.
func (e *KernelError) Unwrap() error { return e.Errno }

// Explain reduces an error to its errno, if it has one, and adds ErrPrivilege to EPERM
// and EACCES. It returns other errors, and nil, as they are.
func Explain(err error) error {
	errno, ok := errors.AsType[unix.Errno](err)
	switch {
	case !ok:
		return err
	case errno == unix.EPERM || errno == unix.EACCES:
		return fmt.Errorf("%w: %w", errno, ErrPrivilege)
	}
	return errno
}

// A timeoutError is the expiry of AnswerLimit. It wraps os.ErrDeadlineExceeded.
type timeoutError struct{}

func (timeoutError) Error() string {
	return fmt.Sprintf("the kernel did not answer within %s", AnswerLimit)
}
func (timeoutError) Unwrap() error { return os.ErrDeadlineExceeded }
