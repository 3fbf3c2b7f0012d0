package hostaddr

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// errInterrupted reports that other processes change the addresses during each dump.
var errInterrupted = fmt.Errorf("the addresses changed during each of %d reads: `ip monitor address` prints the changes", dumpTries)

// dumpTries is the maximum number of dumps if addresses change during a dump.
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
	for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETADDR, Flags: unix.NLM_F_DUMP, Header: ofAllFamilies}) {
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
