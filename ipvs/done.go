package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Done reports whether the kernel holds what the change makes: that can be so
// although Do failed, when only the kernel's answer was lost.
func (c *Conn) Done(change Change) (bool, error) {
	header, found, err := c.header(change.Service.Key)
	if err != nil {
		return false, err
	}
	switch change.Op {
	case AddService, EditService:
		return found && header == change.Service, nil
	case DelService:
		return !found, nil
	}
	if !found {
		return change.Op == DelDestination, nil
	}
	servers, err := c.servers(change.Service.Key)
	if err != nil {
		return false, err
	}
	if change.Op == DelDestination {
		return !slices.ContainsFunc(servers, func(s Destination) bool { return s.Endpoint() == change.Before.Endpoint() }), nil
	}
	return slices.ContainsFunc(servers, func(s Destination) bool { return s.configured() == change.After }), nil
}

// header reads one service.
func (c *Conn) header(key Key) (header Service, found bool, err error) {
	name := func(b []byte) []byte { return appendKey(b, key) }
	err = c.ask(cmdGetService, 0, name, func(attributes []byte) (err error) {
		header, err = decodeService(attributes)
		return err
	})
	switch {
	case errors.Is(err, unix.ESRCH):
		return header, false, nil
	case err != nil:
		return header, false, fmt.Errorf("read service %s: %w", key, err)
	}
	return header, true, nil
}
