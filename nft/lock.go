package nft

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// LockTable is the table of family ip by which one lvsmark at a time changes a
// network namespace.
const LockTable = "lvsmark-lock"

// tableOwner is NFT_TABLE_F_OWNER: nobody but the netlink socket that made the
// table may change it, and the kernel deletes it when that socket closes.
const tableOwner = 2

// A LockedError says that another process has the lock.
type LockedError struct {
	LockOwner string // what that process said of itself; empty: nothing is known
}

func (e *LockedError) Error() string {
	if e.LockOwner == "" {
		return "another lvsmark is changing this network namespace"
	}
	return "another lvsmark is changing this network namespace: " + e.LockOwner
}

// A Lock keeps every other lvsmark from changing a network namespace. The kernel
// takes it back when the process ends, however that comes about.
type Lock struct {
	conn *Conn
}

// Acquire takes the lock of the calling thread's network namespace, if the
// ruleset is still of that generation, 0 for any, and returns the one afterwards. It
// wraps ErrStale when it is not, and returns a *LockedError when somebody has
// the lock. The owner, at most 127 bytes, says who asks: it is the table's
// comment. It needs Linux 5.12.
func Acquire(owner string, generation uint32) (*Lock, uint32, error) {
	conn, err := Dial()
	if err != nil {
		return nil, 0, err
	}
	if err := conn.transact([]message{lockTable(owner).newTable()}, generation); err != nil {
		return nil, 0, errors.Join(conn.refusedLock(err), conn.Close())
	}
	return &Lock{conn}, nextGeneration(generation), nil
}

func lockTable(owner string) *Table {
	return &Table{Family: IPv4, Name: LockTable, Flags: tableOwner, Comment: owner}
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.conn.Close() }

func (c *Conn) refusedLock(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		owner, found, readErr := c.LockOwner()
		if readErr == nil && !found {
			return ErrStale // it has gone since
		}
		return &LockedError{LockOwner: owner}
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("table ip %s is not lvsmark's: delete it; %w", LockTable, err)
	}
	return lockRefused(err)
}

// LockOwner tells who has the lock of the calling thread's network namespace.
func (c *Conn) LockOwner() (owner string, found bool, err error) {
	for range snapshotTries {
		if owner, found, err = c.readLockOwner(); !errors.Is(err, errInterrupted) {
			return owner, found, err
		}
	}
	return "", false, err
}

func (c *Conn) readLockOwner() (owner string, found bool, err error) {
	for e, err := range c.dump(unix.NFT_MSG_GETTABLE, unix.NFPROTO_IPV4, nil) {
		if err != nil {
			return "", false, readError("tables", err)
		}
		t, err := decodeTable(IPv4, e.data)
		if err != nil {
			return "", false, err
		}
		if t.isLock() {
			return t.Comment, true, nil
		}
	}
	return "", false, nil
}

func (t *Table) isLock() bool {
	return t.Family == IPv4 && t.Name == LockTable && t.Flags&tableOwner != 0
}

// ErrOldKernel says that the kernel lacks what lvsmark needs. Nothing was changed.
var ErrOldKernel = errors.New("this kernel is too old: lvsmark needs Linux 5.12 or later, where a table can belong to a process")

// The first version of Linux that knows NFT_TABLE_F_OWNER, which the lock needs.
const (
	ownerMajor = 5
	ownerMinor = 12
)

// lockRehearsal makes the lock's table where the kernel may not know its flag. On
// others it would cost a grace period of RCU for nothing.
func lockRehearsal() []message {
	var name unix.Utsname
	if unix.Uname(&name) != nil || !isBefore(unix.ByteSliceToString(name.Release[:]), ownerMajor, ownerMinor) {
		return nil
	}
	return []message{lockTable("").newTable()}
}

// isBefore reports whether a release of Linux, such as "5.10.0-32-amd64", is older
// than a version. A release that cannot be read is not.
func isBefore(release string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a < major || a == major && b < minor
}

// lockRefused adds to the kernel's refusal of the lock's table what it means: the
// kernel does not know its flag.
func lockRefused(err error) error {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Object != lockTable("").String() ||
		!errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOldKernel, err)
}
