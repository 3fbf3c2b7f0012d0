package ipvs

import (
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// errInterrupted says that addresses came or went while they were read.
var errInterrupted = errors.New("the addresses change while they are read")

// dumpTries bounds how often a dump begins anew because somebody else changes
// what it lists meanwhile.
const dumpTries = 100

// dumpAddresses returns the addresses of all devices.
func dumpAddresses() (addresses []kernelAddress, err error) {
	for range dumpTries {
		if addresses, err = dumpAddressesOnce(); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return addresses, err
}

// dumpSequence numbers the one request of a connection.
const dumpSequence = 1

func dumpAddressesOnce() ([]kernelAddress, error) {
	conn, err := dialRoute()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	request := netlink.Message{
		Header: netlink.Header{
			Length: unix.NLMSG_HDRLEN + ifaHeader, Type: unix.RTM_GETADDR, Sequence: dumpSequence,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: make([]byte, ifaHeader), // of all families
	}
	b, err := request.MarshalBinary()
	if err != nil {
		return nil, err
	}
	if err := exchange.Send(conn, b); err != nil {
		return nil, refusal(err)
	}
	datagram := make([]byte, datagramLimit)
	var all []kernelAddress
	for {
		n, err := exchange.Receive(conn, datagram)
		if err != nil {
			return nil, refusal(err)
		}
		last := false
		if all, last, err = appendAddresses(all, datagram[:n]); err != nil || last {
			return all, refusal(err)
		}
	}
}

// appendAddresses reads a datagram of a dump, and tells whether it was the last.
// What says that the dump was interrupted may be its end alone: addresses were
// passed over, and none came behind them.
func appendAddresses(all []kernelAddress, datagram []byte) (_ []kernelAddress, last bool, err error) {
	for m, err := range exchange.Messages(datagram) {
		switch {
		case err != nil:
			return all, false, err
		case m.Sequence != dumpSequence:
			return all, false, exchange.ErrOther
		case m.Flags&unix.NLM_F_DUMP_INTR != 0:
			return all, false, errInterrupted
		case m.Type == unix.NLMSG_DONE, m.Type == unix.NLMSG_ERROR:
			return all, true, m.Verdict()
		case m.Type != unix.RTM_NEWADDR:
			return all, false, exchange.ErrMalformed
		}
		address, err := decodeIfaddr(m.Data)
		if err != nil {
			return all, false, err
		}
		if address.local.IsValid() {
			all = append(all, address)
		}
	}
	return all, false, nil
}
