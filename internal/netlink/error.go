package netlink

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrMalformed reports a message from the kernel that cannot be decoded.
var ErrMalformed = errors.New("the kernel sent a malformed message")

// ErrOther reports an answer to another request.
var ErrOther = errors.New("the kernel answered another request")

// ErrInterrupted reports that objects were added or deleted during a dump
// (NLM_F_DUMP_INTR), so that some may be missing from the list.
var ErrInterrupted = errors.New("the kernel's objects changed during the dump")

// ErrPrivilege reports that the request needs CAP_NET_ADMIN.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// AnswerLimit is the timeout for answers of the kernel. The kernel executes a request
// before the call that sends it returns, so only a lost answer reaches the limit.
const AnswerLimit = 30 * time.Second

// A KernelError is the kernel's refusal of a request (NLMSG_ERROR, or NLMSG_DONE of a
// dump, with an errno).
type KernelError struct {
	Errno       unix.Errno
	ExtendedAck string // NLMSGERR_ATTR_MSG; usually empty
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
// and EACCES. It returns other errors, and nil, unchanged.
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

// A timeoutError reports that AnswerLimit has expired. It wraps os.ErrDeadlineExceeded.
type timeoutError struct{}

func (timeoutError) Error() string {
	return fmt.Sprintf("the kernel did not answer within %s", AnswerLimit)
}
func (timeoutError) Unwrap() error { return os.ErrDeadlineExceeded }
