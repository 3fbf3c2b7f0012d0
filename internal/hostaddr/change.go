package hostaddr

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ErrStale reports that another process has added or deleted the address. The change was
// not made.
var ErrStale = errors.New("the addresses were changed by another process")

// A staleError also matches ErrStale. Its message is the hint of explain.
type staleError struct{ error }

func (e staleError) Is(target error) bool { return target == ErrStale }
func (e staleError) Unwrap() error        { return e.error }

// Add adds permanent addresses with a full prefix (/32 or /128) to devices, and local routes
// to networks. An IPv6
// address is usable at once, without duplicate address detection, which would disable a
// VIP for a second. Devices need not be up.
//
// Add makes the changes in order, in batches, and stops after a batch with a refusal. It
// returns a result for each attempted change: nil if the address was added, else an error
// that names it. The error wraps netlink.ErrPrivilege if the privilege is missing, EEXIST
// and ErrStale if the device has the address already, and ErrProtocol if the kernel cannot
// store Protocol; the address is deleted again then. Addresses after the first error may
// have been added. If the kernel's answer is lost, it is unknown which addresses were
// added; the cause is the error of each.
func Add(list ...Address) []error {
	known := false // whether the kernel stores the protocol of an address
	return changeAll("add", list, func(c *conn, rest []Address) []error {
		if first := slices.IndexFunc(rest, func(a Address) bool { return !a.IsRoute() }); first > 0 && !known {
			rest = rest[:first]
		} else if first == 0 && !known {
			known = true
			return []error{c.addFirst(rest[0])}
		}
		return c.change(rest, addRequest)
	})
}

// Delete deletes addresses, in order and in batches, and returns results as Add does. The
// caller must pass only addresses with Local.Ours. An error wraps EADDRNOTAVAIL and
// ErrStale if the device has no such address.
func Delete(list ...Address) []error {
	return changeAll("delete", list, func(c *conn, rest []Address) []error {
		return c.change(rest, deleteRequest)
	})
}

// changeAll calls change, which changes one or more of the first addresses of rest, until
// a change is refused or all are made.
func changeAll(verb string, list []Address, change func(c *conn, rest []Address) []error) []error {
	if len(list) == 0 {
		return nil
	}
	c, err := dial()
	if err != nil {
		return []error{fmt.Errorf("%s %s %s: %w", verb, list[0].Kind(), list[0], netlink.Explain(err))}
	}
	defer c.Close()
	var answers []error
	for failed := false; !failed && len(answers) < len(list); {
		rest := list[len(answers):]
		for i, err := range change(c, rest) {
			if err != nil {
				err, failed = explain(verb, rest[i], err), true
			}
			answers = append(answers, err)
		}
	}
	return answers
}

// explain adds the failed action and a hint.
func explain(verb string, a Address, err error) error {
	subject := fmt.Sprintf("%s %s %s", verb, a.Kind(), a)
	switch {
	case a.IsRoute():
		return explainRoute(subject, a, err)
	case errors.Is(err, unix.EEXIST):
		return staleError{fmt.Errorf("%s: %w (the device has it already: another process has added it)", subject, err)}
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return staleError{fmt.Errorf("%s: %w (the device does not have it: another process has deleted it)", subject, err)}
	case errors.Is(err, unix.EACCES): // a missing privilege is EPERM
		return fmt.Errorf("%s: %w (IPv6 is disabled on the device: try \"sysctl net.ipv6.conf.%s.disable_ipv6=0\")", subject, unix.EACCES, a.Device)
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

// change makes one batch of changes. newRequest is addRequest or deleteRequest.
func (c *conn) change(list []Address, newRequest func(netlink.Request) netlink.Request) []error {
	var requests []netlink.Request
	for _, address := range list[:min(len(list), netlink.BatchLimit)] {
		request, err := c.requestFor(address, newRequest)
		if err != nil && len(requests) == 0 {
			return []error{err}
		} else if err != nil {
			break // change the addresses before it first
		}
		requests = append(requests, request)
	}
	return c.execute(requests...)
}

func (c *conn) execute(requests ...netlink.Request) []error {
	answers := c.Execute(requests...)
	for i, err := range answers {
		answers[i] = netlink.Explain(err)
	}
	return answers
}

// addFirst adds an address and checks whether the kernel stores its protocol. One address
// is enough: a kernel stores it for all addresses or for none.
func (c *conn) addFirst(address Address) error {
	request, err := c.encode(address)
	if err != nil {
		return err
	}
	return c.addMarked(request, address.IP.Is4())
}

// addMarked adds an encoded address, and deletes it if the kernel does not store its
// protocol.
func (c *conn) addMarked(request netlink.Request, isIPv4 bool) error {
	// IPv6 does not echo the added address, but supports queries for one address, which
	// IPv4 does not.
	query := addRequest(request)
	query.Flags |= unix.NLM_F_ECHO
	if !isIPv4 {
		if err := c.execute(addRequest(request))[0]; err != nil {
			return err
		}
		query = request
		query.Type = unix.RTM_GETADDR
	}
	added, err := c.get(query)
	if err == nil && added.protocol != Protocol {
		err = errors.Join(ErrProtocol, c.execute(deleteRequest(request))[0])
	}
	return err
}

// get returns one address.
func (c *conn) get(query netlink.Request) (address kernelAddress, err error) {
	for m, err := range c.Query(query) {
		if err == nil {
			address, err = decodeMessage(m)
		}
		if err != nil {
			return address, netlink.Explain(err)
		}
	}
	return address, nil
}

func addRequest(request netlink.Request) netlink.Request {
	request.Type, request.Flags = unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	return request
}

func deleteRequest(request netlink.Request) netlink.Request {
	request.Type = unix.RTM_DELADDR
	return request
}

// encode returns a request for the address, without its type.
func (c *conn) encode(address Address) (netlink.Request, error) {
	device, err := c.device(address.Device)
	if err != nil {
		return netlink.Request{}, fmt.Errorf("device %s: %w; create the device first, or correct \"vip-device\"", address.Device, withoutOpError(err))
	}
	if address.IsRoute() {
		return encodeRoute(device, address.Prefix()), nil
	}
	return encodeAddress(device, address.IP, forever), nil
}

// device returns the index of a device.
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

// withoutOpError removes the *net.OpError around an error.
func withoutOpError(err error) error {
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		return opErr.Err
	}
	return err
}
