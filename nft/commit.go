package nft

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Commit makes the difference in the ruleset, which must still be of the
// generation for which the difference was found: otherwise it changes nothing
// and returns an error that wraps ErrStale. It returns the generation after its
// last transaction.
//
// A difference may take several transactions. When one but the first fails, the
// ruleset is between the two that were compared, and Restore brings the first
// one back.
func (c *Conn) Commit(d *Difference, generation uint32) (uint32, error) {
	transactions := d.transactions()
	for i, messages := range transactions {
		// Also ahead of the first: the kernel tells only two generations apart, and
		// another transaction may have been made a moment ago, as that of the lock.
		if len(transactions) > 1 {
			waitForPackets()
		}
		if err := c.transact(messages, generation); err != nil {
			return generation, fmt.Errorf("nftables transaction %d of %d: %w", i+1, len(transactions), err)
		}
		generation = nextGeneration(generation)
	}
	return generation, nil
}

// retryTimeout is how long CommitLocked and Restore go on while somebody else changes the
// ruleset again and again. Each try waits for an RCU grace period, in which another
// transaction may come in between.
const retryTimeout = 5 * time.Second

// CommitLocked makes the difference as Commit does. It is for who has the lock: when
// somebody else changes other tables meanwhile, it goes on from where it is. It
// wraps ErrStale, and has changed nothing, when lvsmark's own tables are not, or no
// longer, those that were compared, or when the others do not leave it the time.
// What it did is undone by Restore.
func (c *Conn) CommitLocked(d *Difference, generation uint32) (uint32, error) {
	from, to := d.from, d.to
	for begin, tries := time.Now(), 1; ; tries++ {
		after, err := c.Commit(d, generation)
		if !errors.Is(err, ErrStale) {
			return after, err
		}
		now, readErr := c.Snapshot()
		if readErr != nil {
			return generation, readErr
		}
		begun := after != generation // a transaction of ours is done already
		if !begun && !Compare(&now.Ruleset, from).Empty() {
			return generation, err
		}
		if begun {
			from = &now.Ruleset
			d = Compare(from, to)
		}
		generation = now.Generation
		if time.Since(begin) > c.retryTimeout {
			return generation, fmt.Errorf("%w, %d times over: find who does, `nft monitor` tells", ErrStale, tries)
		}
	}
}

// nextGeneration is the one after a transaction; the kernel passes over 0.
func nextGeneration(generation uint32) uint32 {
	return max(generation+1, 1)
}

// restoreTries bounds how often Restore begins anew after another failure.
const restoreTries = 10

// Restore makes lvsmark's tables those of the ruleset, which must be in the form
// of the kernel, whatever they are now.
func (c *Conn) Restore(r *Ruleset) error {
	failures := 0
	for begin := time.Now(); ; {
		now, err := c.Snapshot()
		if err != nil {
			return err
		}
		_, err = c.Commit(Compare(&now.Ruleset, r), now.Generation)
		if err == nil {
			return nil
		}
		stale := errors.Is(err, ErrStale)
		if !stale {
			failures++
		}
		if failures == restoreTries || stale && time.Since(begin) > c.retryTimeout {
			return err
		}
	}
}

// waitForPackets returns once no packet is under way through the rules of the
// last generation but one: they run under RCU, and this system call waits for
// an RCU grace period (membarrier(2), MEMBARRIER_CMD_GLOBAL). Where the kernel
// refuses it there is nothing better: the next transaction comes far later than
// a packet needs.
func waitForPackets() {
	const membarrierCmdGlobal = 1
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierCmdGlobal, 0, 0)
}
