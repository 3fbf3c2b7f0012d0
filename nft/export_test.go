package nft

// DisableRetry limits CommitLocked and Restore to one attempt.
func (c *Conn) DisableRetry() { c.retryTimeout = 0 }
