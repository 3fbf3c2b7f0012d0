package nft

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/thread"
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
			c.wait()
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

// A LostObject is an object that the kernel does not create again as it was.
type LostObject struct {
	Name string // for example "rule ip lvsmark prerouting: tcp dport 5 drop"
	Err  error  // wraps the kernel's refusal; nil: the kernel lists the object in another form
}

func (l LostObject) String() string {
	if l.Err == nil {
		return l.Name + " (the kernel lists it in another form)"
	}
	return fmt.Sprintf("%s (%v)", l.Name, l.Err)
}

// Restored is the result of Restore.
type Restored struct {
	Changed bool         // at least one transaction was committed, or may have been
	Lost    []LostObject // objects added by hand that are missing or differ, and tables whose name is taken
}

// Limits of Restore. An error can be temporary, such as a lack of memory.
const (
	restoreTries = 10 // attempts that fail for another reason than ErrStale
	objectTries  = 2  // refusals of one object, until it is given up
	equalTries   = 3  // commits after which the ruleset still differs
)

// Restore replaces lvsmark's tables, in any state, by those of the ruleset, which must be
// in the form of the kernel. If the kernel refuses an object that was added by hand, Restore
// leaves out that object, and the rules that need it. It also leaves out a table if another
// program has one of that name. An error means that the rest could not be restored either.
func (c *Conn) Restore(r *Ruleset) (Restored, error) {
	s := restoration{conn: c, target: r, begin: time.Now(), refusals: map[any]int{}}
	for {
		done, err := s.attempt()
		if done || err != nil {
			return s.result, err
		}
	}
}

// A restoration is the state of Restore.
type restoration struct {
	conn     *Conn
	target   *Ruleset // without the lost objects
	result   Restored
	begin    time.Time
	failures int
	refusals map[any]int // by origin of a message
	commits  int
}

// attempt commits the difference to the target. It returns true if there is none.
func (s *restoration) attempt() (done bool, err error) {
	now, err := s.conn.Snapshot()
	if err != nil {
		return false, err
	}
	s.loseTaken(now.Foreign)
	difference := compareOrdered(&now.Ruleset, s.target)
	if difference.Empty() {
		return true, nil
	}
	if s.commits == equalTries {
		s.loseDifferent(difference)
		return true, nil
	}
	after, err := s.conn.Commit(difference, now.Generation)
	s.result.Changed = s.result.Changed || after != now.Generation
	switch {
	case err == nil:
		s.commits++
		return false, nil
	case errors.Is(err, ErrStale) && time.Since(s.begin) <= s.conn.retryTimeout:
		return false, nil
	case errors.Is(err, ErrStale):
		return false, err
	}
	return false, s.handle(err)
}

// handle removes a refused object from the target. If the object is unknown and the error
// persists, it removes all objects that were added by hand.
func (s *restoration) handle(err error) error {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		s.result.Changed = true // the answer may be lost
	} else if refused.origin != nil {
		s.refusals[refused.origin]++
		if s.refusals[refused.origin] < objectTries ||
			s.lose(func(o Object) bool { return o.is(refused.origin) }, refused.Err) {
			return nil
		}
	}
	s.failures++
	switch {
	case s.failures == restoreTries && s.lose(func(Object) bool { return true }, err):
		s.failures = 0
	case s.failures >= restoreTries:
		return err
	}
	return nil
}

// lose removes from the target the objects that were added by hand and that match.
// It reports whether there are any.
func (s *restoration) lose(match func(Object) bool, reason error) bool {
	reduced, lost := s.target.without(match)
	for _, name := range lost {
		s.result.Lost = append(s.result.Lost, LostObject{name, fmt.Errorf("the kernel refuses it: %w", reason)})
	}
	s.target = reduced
	return len(lost) > 0
}

// errTaken is the reason why a table is not restored: lvsmark does not change tables of other
// programs.
var errTaken = errors.New("another program has created a table with this name: delete it with nft, then apply the previous spec")

// loseTaken removes from the target the tables whose name a table of another program has.
func (s *restoration) loseTaken(foreign []TableName) {
	reduced := &Ruleset{foreign: s.target.foreign}
	for _, t := range s.target.Tables {
		if slices.Contains(foreign, t.TableName()) {
			s.result.Lost = append(s.result.Lost, LostObject{t.String(), errTaken})
			continue
		}
		reduced.Tables = append(reduced.Tables, t)
	}
	s.target = reduced
}

// loseDifferent records the objects that the kernel lists in another form.
func (s *restoration) loseDifferent(d *Difference) {
	for _, c := range d.Changes() {
		lost := LostObject{Name: c.last().name()}
		if c.Op != Delete && !c.last().isPlain() && !slices.Contains(s.result.Lost, lost) {
			s.result.Lost = append(s.result.Lost, lost)
		}
	}
}

// Unrestorable returns the objects of a snapshot that Restore could not create again after a
// change to another ruleset. It asks the kernel: it creates all objects in a temporary network
// namespace. It needs CAP_SYS_ADMIN and CAP_NET_ADMIN, unless all objects that the change
// deletes have the form of lvsmark's.
func Unrestorable(r, to *Ruleset) ([]LostObject, error) {
	if !slices.ContainsFunc(r.Tables, func(t *Table) bool { return !t.isPlain(to.Table(t.Family, t.Name)) }) {
		return nil, nil
	}
	return thread.Call(func() ([]LostObject, error) {
		c, err := dialNewNamespace()
		if err != nil {
			return nil, err
		}
		defer c.Close()
		restored, err := c.Restore(r.sampled().onLoopback())
		if err != nil {
			return nil, fmt.Errorf("rehearsal of a rollback: %w", err)
		}
		return restored.Lost, nil
	})
}
