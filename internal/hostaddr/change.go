package hostaddr

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ErrStale says that a change came too late: another process has added or deleted the
// address. That change was not made.
var ErrStale = errors.New("the addresses were changed by another process")

// A staleError wraps ErrStale too. Its hint says as much.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Add puts addresses on their devices for good, each alone (/32 or /128) and, in IPv6,
// usable at once: duplicate address detection would let a VIP fail for a second. Devices
// need not be up. It makes the changes in order, many at a time, and stops where the
// kernel refuses one. It returns an answer for each change that was begun: nil when the
// address was added, else an error that names it. That error wraps
// netlink.ErrPrivilege where the privilege is missing, EEXIST and ErrStale where the
// device has the address already, and ErrProtocol where the kernel cannot mark it as
// ours; the address is deleted again then. Addresses after the first error may have been
// added. Where the kernel's answer was lost, it is not known which addresses were added:
// each has the reason as its error.
func Add(list ...Address) []error {
	return changeAll("add", list, func(c *conn, rest []Address) []error {
		if len(rest) == len(list) {
			return []error{c.addFirst(rest[0])}
		}
		return c.change(rest, addition)
	})
}

// Delete takes addresses of ours off their devices, in order, many at a time, and
// answers as Add does. It does not check whether they are ours: Read tells. An error
// wraps EADDRNOTAVAIL and ErrStale where the device has no such address.
func Delete(list ...Address) []error {
	return changeAll("delete", list, func(c *conn, rest []Address) []error {
		return c.change(rest, deletion)
	})
}

// changeAll calls some, which changes the first one or more of the rest, until there is
// a refusal or none is left.
func changeAll(verb string, list []Address, some func(c *conn, rest []Address) []error) []error {
	if len(list) == 0 {
		return nil
	}
	c, err := dial()
	if err != nil {
		return []error{fmt.Errorf("%s address %s: %w", verb, list[0], netlink.Explain(err))}
	}
	defer c.Close()
	var answers []error
	for failed := false; !failed && len(answers) < len(list); {
		rest := list[len(answers):]
		for i, err := range some(c, rest) {
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
		return staleError{fmt.Errorf("%s: %w (it is there already: another process has added it)", subject, err)}
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return staleError{fmt.Errorf("%s: %w (it is not there: another process has deleted it)", subject, err)}
	case errors.Is(err, unix.EACCES): // a missing privilege is EPERM
		return fmt.Errorf("%s: %w (IPv6 is off on the device: try \"sysctl net.ipv6.conf.%s.disable_ipv6=0\")", subject, unix.EACCES, device)
	}
	return fmt.Errorf("%s: %w", subject, err)
}

// A conn is a connection to rtnetlink(7).
type conn struct {
	*netlink.Conn
	devices map[string]uint32 // indices, by name
}

func dial() (*conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{})
	if err != nil {
		return nil, err
	}
	return &conn{nl, map[string]uint32{}}, nil
}

// change makes as many changes as go to the kernel in one piece.
func (c *conn) change(list []Address, kind func(netlink.Request) netlink.Request) []error {
	var requests []netlink.Request
	for _, address := range list[:min(len(list), netlink.BatchLimit)] {
		request, err := c.encode(address)
		if err != nil && len(requests) == 0 {
			return []error{err}
		} else if err != nil {
			break // those before it come first
		}
		requests = append(requests, kind(request))
	}
	return c.tell(requests...)
}

func (c *conn) tell(requests ...netlink.Request) []error {
	answers := c.Tell(requests...)
	for i, err := range answers {
		answers[i] = netlink.Explain(err)
	}
	return answers
}

// addFirst adds an address, and checks whether the kernel marks it as ours: a kernel
// that marks one marks all.
func (c *conn) addFirst(address Address) error {
	request, err := c.encode(address)
	if err != nil {
		return err
	}
	return c.addMarked(request, address.IP.Is4())
}

// addMarked adds an encoded address, unless the kernel does not mark it.
func (c *conn) addMarked(request netlink.Request, isIPv4 bool) error {
	// IPv6 does not echo the address that was added, but can be asked for one address,
	// which IPv4 cannot.
	query := addition(request)
	query.Flags |= unix.NLM_F_ECHO
	if !isIPv4 {
		if err := c.tell(addition(request))[0]; err != nil {
			return err
		}
		query = request
		query.Type = unix.RTM_GETADDR
	}
	added, err := c.one(query)
	if err == nil && added.protocol != Protocol {
		err = errors.Join(ErrProtocol, c.tell(deletion(request))[0])
	}
	return err
}

// one asks for one address.
func (c *conn) one(query netlink.Request) (address kernelAddress, err error) {
	for m, err := range c.Ask(query) {
		if err == nil {
			address, err = decodeMessage(m)
		}
		if err != nil {
			return address, netlink.Explain(err)
		}
	}
	return address, nil
}

func addition(request netlink.Request) netlink.Request {
	request.Type, request.Flags = unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	return request
}

func deletion(request netlink.Request) netlink.Request {
	request.Type = unix.RTM_DELADDR
	return request
}

// encode is a request about the address, without its type.
func (c *conn) encode(address Address) (netlink.Request, error) {
	device, err := c.device(address.Device)
	if err != nil {
		return netlink.Request{}, fmt.Errorf("device %s: %w; create it first, or correct \"vip-device\"", address.Device, cause(err))
	}
	return encodeAddress(device, address.IP), nil
}

// device is the index of a device.
func (c *conn) device(name string) (uint32, error) {
	if index, known := c.devices[name]; known {
		return index, nil
	}
	device, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	c.devices[name] = uint32(device.Index)
	return c.devices[name], nil
}

// cause leaves out the frame that package net puts around each error.
func cause(err error) error {
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		return opErr.Err
	}
	return err
}
