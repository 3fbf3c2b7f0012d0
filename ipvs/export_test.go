package ipvs

import "bytes"

// NetmaskToKernel is for a test that speaks to the kernel by other means.
func NetmaskToKernel(h Header) uint32 { return h.netmaskToKernel() }

// AddMissed is for a test that need not wait for the kernel to miss a service.
func (c *Conn) AddMissed(services []Service, expected []Key) ([]Service, error) {
	return c.addMissed(services, expected)
}

// ListedOnce is how many services the kernel lists when it is asked once.
func (c *Conn) ListedOnce() (int, error) {
	once := map[string]entry{}
	err := c.dump(once)
	return len(once), err
}

// AddUnmarked adds an address as a kernel does that does not keep its protocol:
// nothing tells it of one.
func AddUnmarked(address Address) error {
	r, err := openRoute()
	if err != nil {
		return err
	}
	defer r.close()
	data, err := r.encode(address)
	if err != nil {
		return err
	}
	protocol := []byte{5, 0, ifaProto, 0, AddressProtocol, 0, 0, 0}
	return r.addMarked(bytes.ReplaceAll(data, protocol, nil), address.IP.Is4())
}
