package nft

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Commit commits the difference. If the ruleset is not of that generation any more, it
// changes nothing and returns an error that wraps ErrStale. It returns the generation after
// its last transaction.
//
// A difference may need several transactions. If one after the first fails, the ruleset is
// between the two compared ones, and Restore restores the first.
func (c *Conn) Commit(d *Difference, generation uint32) (uint32, error) {
	transactions := d.transactions()
	for i, messages := range transactions {
		// Wait before the first transaction too: the kernel distinguishes only two generations,
		// and another transaction, such as that of the lock, may be recent.
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

// retryTimeout is how long CommitLocked and Restore retry while other processes change the
// ruleset. Each attempt waits for an RCU grace period, in which another process may commit
// again.
const retryTimeout = 5 * time.Second

// CommitLocked commits the difference like Commit; the caller must hold the lock. If other
// processes change other tables, it continues from the current state. The error wraps
// ErrStale if lvsmark's own tables are not those that were compared, and nothing was
// changed, or if other processes commit too often. Restore undoes a partial commit.
func (c *Conn) CommitLocked(d *Difference, generation uint32) (uint32, error) {
	from, to := d.from, d.to
	for begin, attempts := time.Now(), 1; ; attempts++ {
		after, err := c.Commit(d, generation)
		if !errors.Is(err, ErrStale) {
			return after, err
		}
		now, readErr := c.Snapshot()
		if readErr != nil {
			return generation, readErr
		}
		partial := after != generation // the first transactions are committed
		if !partial && !Compare(&now.Ruleset, from).Empty() {
			return generation, err
		}
		from = &now.Ruleset
		d, generation = Compare(from, to), now.Generation
		if time.Since(begin) > c.retryTimeout {
			return generation, fmt.Errorf("%w during each of %d attempts: %s", ErrStale, attempts, monitorHint)
		}
	}
}

// nextGeneration returns the generation after a transaction; the kernel skips 0.
func nextGeneration(generation uint32) uint32 {
	return max(generation+1, 1)
}

// waitForPackets waits until no packet traverses the rules of the generation before the
// last one. They run under RCU, and this system call waits for an RCU grace period
// (membarrier(2), MEMBARRIER_CMD_GLOBAL). If the kernel refuses it, there is no
// alternative: a packet still takes far less time than the next transaction.
func waitForPackets() {
	const membarrierCmdGlobal = 1
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierCmdGlobal, 0, 0)
}
