package nft

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

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
