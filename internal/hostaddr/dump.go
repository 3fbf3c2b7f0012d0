package hostaddr

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// errInterrupted says that other processes add or delete addresses again and again.
var errInterrupted = errors.New("the addresses change while they are read: find who does, `ip monitor address` tells")

// dumpTries bounds how often a dump begins anew because another process changes the
// addresses meanwhile.
const dumpTries = 100

// dump returns the addresses of all devices.
func dump() (addresses []kernelAddress, err error) {
	for range dumpTries {
		if addresses, err = dumpOnce(); !errors.Is(err, netlink.ErrInterrupted) {
			return addresses, err
		}
	}
	return nil, errInterrupted
}

func dumpOnce() (addresses []kernelAddress, err error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ofAllFamilies := make([]byte, unix.SizeofIfAddrmsg)
	for m, err := range c.Ask(netlink.Request{Type: unix.RTM_GETADDR, Flags: unix.NLM_F_DUMP, Header: ofAllFamilies}) {
		var address kernelAddress
		if err == nil {
			address, err = decodeMessage(m)
		}
		if err != nil {
			return nil, netlink.Explain(err)
		}
		if address.local.IsValid() {
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}
