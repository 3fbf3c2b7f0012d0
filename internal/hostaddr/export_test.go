package hostaddr

import "bytes"

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
	protocol := []byte{5, 0, ifaProto, 0, Protocol, 0, 0, 0}
	return r.addMarked(bytes.ReplaceAll(data, protocol, nil), address.IP.Is4())
}
