package hostaddr

import (
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// ErrStale says that a change came too late: the address is there already, or no
// longer. Nothing came of that change.
var ErrStale = errors.New("the addresses were changed meanwhile")

// A staleError wraps ErrStale too. Its hint says as much.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Add puts addresses on their devices for good, each alone (/32 or /128) and, in
// IPv6, usable at once: duplicate address detection would let a VIP fail for a
// second. Devices need not be up. It goes through the list in order, many at a time,
// and stops where the kernel refuses one. It returns an answer for each that was
// begun: nil when it was added, else an error that names it. That wraps
// exchange.ErrPrivilege when that is missing, EEXIST and ErrStale when the device has
// the address already, and ErrProtocol when the kernel cannot mark it as ours; the
// address is gone again then. Behind the first error others may have been added all
// the same.
func Add(list ...Address) []error {
	return changeAll("add", list, func(r *route, rest []Address) []error {
		if len(rest) == len(list) {
			return []error{r.addFirst(rest[0])}
		}
		return r.change(rest, addition)
	})
}

// Delete takes addresses of ours off their devices, in order, many at a time, and
// answers as Add does. It does not look whether they are ours: Read tells. An error
// wraps EADDRNOTAVAIL and ErrStale when the device has no such address.
func Delete(list ...Address) []error {
	return changeAll("delete", list, func(r *route, rest []Address) []error {
		return r.change(rest, deletion)
	})
}

// changeAll has some changed, one or more, until there is a refusal or none is left.
func changeAll(verb string, list []Address, some func(r *route, rest []Address) []error) []error {
	if len(list) == 0 {
		return nil
	}
	r, err := openRoute()
	if err != nil {
		return []error{fmt.Errorf("%s address %s: %w", verb, list[0], exchange.FromKernel(err))}
	}
	defer r.close()
	var answers []error
	for failed := false; !failed && len(answers) < len(list); {
		rest := list[len(answers):]
		for i, err := range some(r, rest) {
			if err != nil {
				err, failed = explain(verb+" address "+rest[i].String(), rest[i].Device, err), true
			}
			answers = append(answers, err)
		}
	}
	return answers
}

// explain says what was not done, and what helps.
func explain(subject, device string, err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return staleError{fmt.Errorf("%s: %w (it is there already: somebody else has added it)", subject, err)}
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return staleError{fmt.Errorf("%s: %w (it is not there: somebody else has deleted it)", subject, err)}
	case errors.Is(err, unix.EACCES): // who may not is told EPERM
		return fmt.Errorf("%s: %w (IPv6 is off on the device: try \"sysctl net.ipv6.conf.%s.disable_ipv6=0\")", subject, unix.EACCES, device)
	}
	return fmt.Errorf("%s: %w", subject, err)
}

// change carries out as many as go to the kernel in one piece.
func (r *route) change(list []Address, of func(data []byte) routeRequest) []error {
	var requests []routeRequest
	for _, address := range list[:min(len(list), exchange.BatchLimit)] {
		data, err := r.encode(address)
		if err != nil && len(requests) == 0 {
			return []error{err}
		} else if err != nil {
			break // those before it come first
		}
		requests = append(requests, of(data))
	}
	return r.tell(requests)
}

// addFirst adds an address, and sees whether the kernel marks it as ours: one that
// does will do so with all.
func (r *route) addFirst(address Address) error {
	data, err := r.encode(address)
	if err != nil {
		return err
	}
	return r.addMarked(data, address.IP.Is4())
}

// addMarked adds an encoded address, unless the kernel does not mark it.
func (r *route) addMarked(data []byte, isIPv4 bool) (err error) {
	var made kernelAddress
	read := func(m exchange.Message) (last bool, err error) {
		if m.Type != unix.RTM_NEWADDR {
			return false, exchange.ErrMalformed
		}
		made, err = decodeIfaddr(m.Data)
		return true, err
	}
	request := addition(data)
	// IPv6 has no echo of what was made, but can be asked for one address, which
	// IPv4 cannot.
	if isIPv4 {
		request.flags |= netlink.Echo
		err = r.ask(request, read)
	} else if err = r.tell([]routeRequest{request})[0]; err == nil {
		err = r.ask(routeRequest{unix.RTM_GETADDR, 0, data}, read)
	}
	if err == nil && made.protocol != Protocol {
		err = errors.Join(ErrProtocol, r.tell([]routeRequest{deletion(data)})[0])
	}
	return err
}

func addition(data []byte) routeRequest {
	return routeRequest{unix.RTM_NEWADDR, netlink.Create | netlink.Excl, data}
}

func deletion(data []byte) routeRequest { return routeRequest{unix.RTM_DELADDR, 0, data} }

// encode is the address in the terms of rtnetlink.
func (r *route) encode(address Address) ([]byte, error) {
	device, err := r.device(address.Device)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w; create it first, or correct \"vip-device\"", address.Device, cause(err))
	}
	return encodeAddress(device, address.IP)
}

// cause leaves out the frame that package net puts around each error.
func cause(err error) error {
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		return opErr.Err
	}
	return err
}
