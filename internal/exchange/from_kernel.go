package exchange

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrPrivilege says that the kernel refuses what it does for CAP_NET_ADMIN alone.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// FromKernel reduces an error of the netlink libraries to the kernel's own words,
// and adds ErrPrivilege where that is what is missing.
func FromKernel(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the kernel did not answer within %s", AnswerLimit)
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

// Verdicts returns the answers to requests that went to the kernel in one piece,
// each as FromKernel has it. Where not all answers came, it is not known what
// became of the requests without a refusal: lost, the error, is their answer.
func Verdicts(answers []error, lost error) []error {
	for i, answer := range answers {
		if answer == nil {
			answer = lost
		}
		answers[i] = FromKernel(answer)
	}
	return answers
}
