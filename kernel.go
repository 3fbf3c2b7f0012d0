package lvsmark

import (
	"fmt"
	"os"
	"time"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A kernel is what the engine speaks to, in one network namespace. All of it is
// used on the thread that opened it.
type kernel struct {
	nft      *nft.Conn
	ipvs     *ipvs.Conn // nil: not opened, or the kernel has none
	lock     *nft.Lock  // nil: not taken, or the caller's
	opts     Options
	progress func(string)
}

func openKernel(opts Options) (*kernel, error) {
	k := &kernel{opts: opts, progress: opts.Progress}
	if k.progress == nil {
		k.progress = func(string) {}
	}
	var err error
	k.nft, err = nft.Dial()
	return k, err
}

// openIPVS is only for who needs it: asking for IPVS loads its module.
func (k *kernel) openIPVS() (err error) {
	if k.ipvs == nil {
		k.ipvs, err = ipvs.Open()
	}
	return err
}

// locked reports whether others are kept from changing the namespace.
func (k *kernel) locked() bool { return k.lock != nil || k.opts.LockToken != nil }

// acquire takes the lock, unless somebody changed the ruleset since the
// snapshot, whose generation it brings up to date.
func (k *kernel) acquire(s *nft.Snapshot) (err error) {
	if k.locked() {
		return nil
	}
	k.lock, s.Generation, err = nft.Acquire(owner(k.opts.LockOwner), s.Generation)
	return err
}

// acquireFirst takes the lock whatever became of the ruleset, for a plan that is
// to be made anew: somebody who keeps writing is faster than any plan. Where it
// has the lock, it returns the error that the plan was too late.
func (k *kernel) acquireFirst(stale error) error {
	if k.locked() {
		return stale
	}
	lock, _, err := nft.Acquire(owner(k.opts.LockOwner), 0)
	if err != nil {
		return err
	}
	k.lock = lock
	return stale
}

// owner is what others are told who find the namespace locked.
func owner(what string) string {
	if what == "" {
		what = "apply"
	}
	return fmt.Sprintf("pid %d, %s, since %s", os.Getpid(), what, time.Now().UTC().Format(time.RFC3339))
}

func (k *kernel) close() {
	_ = k.nft.Close()
	if k.ipvs != nil {
		_ = k.ipvs.Close()
	}
	if k.lock != nil {
		_ = k.lock.Release()
	}
}
