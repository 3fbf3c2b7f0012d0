package nft

import "testing"

// DisableRetry limits CommitLocked and Restore to one attempt.
func (c *Conn) DisableRetry() { c.retryTimeout = 0 }

// AssertDistinct is assertDistinct, for tests outside of the package.
func AssertDistinct(t *testing.T, changes []Change) {
	t.Helper()
	assertDistinct(t, changes)
}
