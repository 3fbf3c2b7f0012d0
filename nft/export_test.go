package nft

// GiveUpAtOnce makes CommitLocked and Restore give up at once beside others.
func (c *Conn) GiveUpAtOnce() { c.retryTimeout = 0 }
