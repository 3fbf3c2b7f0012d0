package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Services returns the services that are keyed by a fwmark, sorted by family and mark, with
// their destinations sorted by address. Services keyed by address and port are excluded.
// The kernel may omit services (see list), but none of the expected ones.
func (c *Conn) Services(expected ...Key) ([]VirtualService, error) {
	all, err := c.list()
	if err != nil {
		return nil, err
	}
	var services []VirtualService
	for _, e := range all {
		service, err := decodeService(e.attributes)
		if err != nil {
			return nil, fmt.Errorf("list IPVS services: %w", err)
		}
		if service.Mark != 0 {
			services = append(services, VirtualService{Service: service})
		}
	}
	if services, err = c.addUnlisted(services, expected); err != nil {
		return nil, err
	}
	for i := range services {
		if services[i].Destinations, err = c.destinations(services[i].Key); err != nil {
			return nil, err
		}
	}
	sortServices(services)
	return services, nil
}

// addUnlisted reads each expected service that is not listed.
func (c *Conn) addUnlisted(services []VirtualService, expected []Key) ([]VirtualService, error) {
	listed := make(map[Key]bool, len(services))
	for _, s := range services {
		listed[s.Key] = true
	}
	for _, key := range expected {
		if listed[key] {
			continue
		}
		service, found, err := c.service(key)
		if err != nil {
			return nil, err
		}
		if found {
			services = append(services, VirtualService{Service: service})
		}
	}
	return services, nil
}

// service reads one service.
func (c *Conn) service(key Key) (service Service, found bool, err error) {
	for attributes, err := range c.query(cmdGetService, 0, appendKey(nil, key)) {
		if err == nil {
			service, err = decodeService(attributes)
		}
		switch {
		case errors.Is(err, unix.ESRCH):
			return service, false, nil
		case err != nil:
			return service, false, fmt.Errorf("read service %s: %w", key, err)
		}
	}
	return service, true, nil
}

// destinations reads the destinations of one service: a dump has no more.
func (c *Conn) destinations(key Key) ([]Destination, error) {
	c.listed = c.listed[:0]
	for attributes, err := range c.query(cmdGetDest, unix.NLM_F_DUMP, appendKey(nil, key)) {
		var dest Destination
		if err == nil {
			dest, err = decodeDestination(attributes, key)
		}
		if err != nil {
			return nil, fmt.Errorf("list the real servers of service %s: %w", key, err)
		}
		c.listed = append(c.listed, dest)
	}
	return append([]Destination(nil), c.listed...), nil
}

// IsApplied reports whether the kernel has the state after the change. After a failed
// Apply it can be true if only the kernel's answer was lost.
func (c *Conn) IsApplied(change Change) (bool, error) {
	service, found, err := c.service(change.Service.Key)
	if err != nil {
		return false, err
	}
	switch change.Op {
	case AddService, EditService:
		return found && service == change.Service, nil
	case DelService:
		return !found, nil
	}
	if !found {
		return change.Op == DelDestination, nil
	}
	destinations, err := c.destinations(change.Service.Key)
	if err != nil {
		return false, err
	}
	if change.Op == DelDestination {
		return !slices.ContainsFunc(destinations, func(d Destination) bool { return d.Endpoint() == change.Before.Endpoint() }), nil
	}
	return slices.ContainsFunc(destinations, func(d Destination) bool { return d.configured() == change.After }), nil
}
