package nft

// Impatient makes Turn and Restore give up at once beside others.
func (c *Conn) Impatient() { c.patience = 0 }
