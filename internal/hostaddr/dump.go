package hostaddr

import (
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// errInterrupted says that addresses came or went while they were read.
var errInterrupted = errors.New("the addresses change while they are read: find who does, `ip monitor address` tells")

// dumpTries bounds how often a dump begins anew because somebody else changes
// what it lists meanwhile.
const dumpTries = 100

// dump returns the addresses of all devices.
func dump() (addresses []kernelAddress, err error) {
	for range dumpTries {
		if addresses, err = dumpOnce(); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return addresses, err
}

func dumpOnce() ([]kernelAddress, error) {
	r, err := openRoute()
	if err != nil {
		return nil, err
	}
	defer r.close()
	var all addressDump
	ofAllFamilies := make([]byte, ifaHeader)
	err = r.ask(routeRequest{unix.RTM_GETADDR, netlink.Dump, ofAllFamilies}, all.read)
	return all, err
}

// An addressDump is the addresses that were read so far.
type addressDump []kernelAddress

// read takes a message of a dump. What says that the dump was interrupted may be its
// end alone: addresses were passed over, and none came behind them.
func (d *addressDump) read(m exchange.Message) (last bool, err error) {
	switch {
	case m.Flags&unix.NLM_F_DUMP_INTR != 0:
		return false, errInterrupted
	case m.Type == unix.NLMSG_DONE:
		return true, m.Verdict()
	case m.Type != unix.RTM_NEWADDR:
		return false, exchange.ErrMalformed
	}
	address, err := decodeIfaddr(m.Data)
	if err == nil && address.local.IsValid() {
		*d = append(*d, address)
	}
	return false, err
}
