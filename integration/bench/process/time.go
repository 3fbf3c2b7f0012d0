package process

import (
	"errors"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// Time runs the command in the namespace and returns the elapsed wall-clock time.
func (c Command) Time(n *equivalence.Namespace) (time.Duration, error) {
	var took time.Duration
	err := c.in(n, func(r *running) error {
		begin := time.Now()
		err := r.Start()
		if err == nil {
			err = r.Wait()
		}
		took = time.Since(begin)
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			return err
		}
		return c.exitError(r, unix.WaitStatus(r.ProcessState.Sys().(syscall.WaitStatus)))
	})
	return took, err
}
