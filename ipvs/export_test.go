package ipvs

// AddUnlisted exports addUnlisted, so that a test need not wait until the kernel omits a
// service.
func (c *Conn) AddUnlisted(services []VirtualService, expected []Key) ([]VirtualService, error) {
	return addUnlisted(c, plainForm(), services, expected)
}

// CountListed returns the number of services in one dump.
func (c *Conn) CountListed() (int, error) {
	listed := map[string]entry{}
	err := c.dump(listed)
	return len(listed), err
}
