package ipvs

// AddUnlisted is for a test that need not wait for the kernel to miss a service.
func (c *Conn) AddUnlisted(services []VirtualService, expected []Key) ([]VirtualService, error) {
	return c.addUnlisted(services, expected)
}

// CountListed is how many services the kernel lists when it is asked once.
func (c *Conn) CountListed() (int, error) {
	once := map[string]entry{}
	err := c.dump(once)
	return len(once), err
}
