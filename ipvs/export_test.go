package ipvs

// AddMissed is for a test that need not wait for the kernel to miss a service.
func (c *Conn) AddMissed(services []VirtualService, expected []Key) ([]VirtualService, error) {
	return c.addMissed(services, expected)
}

// ListedOnce is how many services the kernel lists when it is asked once.
func (c *Conn) ListedOnce() (int, error) {
	once := map[string]entry{}
	err := c.dump(once)
	return len(once), err
}
