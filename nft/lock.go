package nft

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/internal/printable"
	"golang.org/x/sys/unix"
)

// LockTable is the table, of family ip, that serves as lock: one lvsmark at a time changes a
// network namespace.
const LockTable = "lvsmark-lock"

// tableOwner is NFT_TABLE_F_OWNER: only the netlink socket that created the table may
// change it, and the kernel deletes the table when that socket is closed.
const tableOwner = 2

// A LockedError reports that another process holds the lock.
type LockedError struct {
	LockOwner string // owner argument of Acquire; empty: unknown
}

func (e *LockedError) Error() string {
	if e.LockOwner == "" {
		return "another lvsmark is changing this network namespace"
	}
	return "another lvsmark is changing this network namespace: " + printable.Line(e.LockOwner)
}

// A Lock prevents other lvsmark processes from changing a network namespace. The kernel
// releases it when the process ends for any reason.
type Lock struct {
	conn *Conn
}

// Acquire acquires the lock of the calling thread's network namespace if the ruleset is of
// that generation; 0 means any. It returns the generation afterwards. The error wraps
// ErrStale if the generation differs, and is a *LockedError if another process holds the
// lock. owner, at most 127 bytes, describes the caller; it is the comment of the table. The
// lock needs Linux 5.12.
func Acquire(owner string, generation uint32) (*Lock, uint32, error) {
	conn, err := Dial()
	if err != nil {
		return nil, 0, err
	}
	if err := conn.transact([]message{lockTable(owner).newTable()}, generation); err != nil {
		return nil, 0, errors.Join(conn.lockError(err), conn.Close())
	}
	return &Lock{conn}, nextGeneration(generation), nil
}

func lockTable(owner string) *Table {
	return &Table{Family: IPv4, Name: LockTable, Flags: tableOwner, Comment: owner}
}

// Release releases the lock.
func (l *Lock) Release() error { return l.conn.Close() }

// lockError returns the reason why the lock could not be acquired.
func (c *Conn) lockError(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		owner, found, readErr := c.LockOwner()
		if readErr == nil && !found {
			return ErrStale // released in the meantime
		}
		return &LockedError{LockOwner: owner}
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("table ip %s is not a lock of lvsmark, delete it: %w", LockTable, err)
	}
	return explainOldKernel(err)
}

// LockOwner returns the owner of the lock in the calling thread's network namespace.
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

// ErrOldKernel reports that the kernel does not support the lock. Nothing was changed.
var ErrOldKernel = errors.New("this kernel is too old: lvsmark needs Linux 5.12 or later, which supports tables owned by a process")

// The first version of Linux with NFT_TABLE_F_OWNER, which the lock needs.
const (
	ownerMajor = 5
	ownerMinor = 12
)

// ownerFlagCheck creates the lock's table if the kernel may not support its flag. On newer
// kernels the table would cost an RCU grace period.
func ownerFlagCheck() []message {
	var name unix.Utsname
	if unix.Uname(&name) != nil || !isOlder(unix.ByteSliceToString(name.Release[:]), ownerMajor, ownerMinor) {
		return nil
	}
	return []message{lockTable("").newTable()}
}

// isOlder reports whether a release of Linux, such as "5.10.0-32-amd64", is older than a
// version. It is false for an unknown format.
func isOlder(release string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a < major || a == major && b < minor
}

// explainOldKernel adds ErrOldKernel if the kernel refused the lock's table because it does
// not support the flag.
func explainOldKernel(err error) error {
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Object != lockTable("").String() ||
		!errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrOldKernel, err)
}
