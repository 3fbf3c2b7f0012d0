package ipvs

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Services returns the services that are keyed by a fwmark, sorted by family and mark, with
// their destinations sorted by address and port. Services keyed by address and port are
// excluded. The kernel may omit services (see list), but none of the expected ones.
func (c *Conn) Services(expected ...Key) ([]VirtualService, error) {
	return services(c, plainForm(), expected)
}

// A form decodes the kernel's answers as services of type S with destinations of type D.
type form[S, D any] struct {
	service      func(attributes []byte) (S, error)
	destination  func(attributes []byte, of Key) (D, error)
	key          func(*S) Key
	endpoint     func(D) Endpoint
	destinations func(*S) *[]D
}

// plainForm is the form without statistics.
func plainForm() form[VirtualService, Destination] {
	return form[VirtualService, Destination]{
		service: func(attributes []byte) (VirtualService, error) {
			service, err := decodeService(attributes)
			return VirtualService{Service: service}, err
		},
		destination:  decodeDestination,
		key:          func(s *VirtualService) Key { return s.Key },
		endpoint:     Destination.Endpoint,
		destinations: func(s *VirtualService) *[]Destination { return &s.Destinations },
	}
}

// services returns the fwmark services of a list, and the expected ones.
func services[S, D any](c *Conn, f form[S, D], expected []Key) ([]S, error) {
	all, err := c.list()
	if err != nil {
		return nil, err
	}
	var services []S
	for _, e := range all {
		service, err := f.service(e.attributes)
		if err != nil {
			return nil, fmt.Errorf("list IPVS services: %w", err)
		}
		if f.key(&service).Mark != 0 {
			services = append(services, service)
		}
	}
	if services, err = addUnlisted(c, f, services, expected); err != nil {
		return nil, err
	}
	var buffer []D
	for i := range services {
		if buffer, err = destinations(c, f, f.key(&services[i]), buffer[:0]); err != nil {
			return nil, err
		}
		sortDestinations(buffer, f.endpoint)
		*f.destinations(&services[i]) = append([]D(nil), buffer...)
	}
	slices.SortFunc(services, func(a, b S) int { return f.key(&a).Compare(f.key(&b)) })
	return services, nil
}

// addUnlisted reads each expected service that is not listed.
func addUnlisted[S, D any](c *Conn, f form[S, D], services []S, expected []Key) ([]S, error) {
	listed := make(map[Key]bool, len(services))
	for i := range services {
		listed[f.key(&services[i])] = true
	}
	for _, key := range expected {
		if listed[key] {
			continue
		}
		service, found, err := readService(c, f, key)
		if err != nil {
			return nil, err
		}
		if found {
			services = append(services, service)
		}
	}
	return services, nil
}

// readService reads one service, without its destinations.
func readService[S, D any](c *Conn, f form[S, D], key Key) (service S, found bool, err error) {
	for attributes, err := range c.query(cmdGetService, 0, appendKey(nil, key)) {
		if err == nil {
			service, err = f.service(attributes)
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

// destinations appends the destinations of one service to a buffer: a dump has no more.
func destinations[S, D any](c *Conn, f form[S, D], key Key, buffer []D) ([]D, error) {
	for attributes, err := range c.query(cmdGetDest, unix.NLM_F_DUMP, appendKey(nil, key)) {
		var dest D
		if err == nil {
			dest, err = f.destination(attributes, key)
		}
		if err != nil {
			return nil, fmt.Errorf("list the real servers of service %s: %w", key, err)
		}
		buffer = append(buffer, dest)
	}
	return buffer, nil
}

// IsApplied reports whether the kernel has the state after the change. After a failed
// Apply it can be true if only the kernel's answer was lost.
func (c *Conn) IsApplied(change Change) (bool, error) {
	service, found, err := readService(c, plainForm(), change.Service.Key)
	if err != nil {
		return false, err
	}
	switch change.Op {
	case AddService, EditService:
		return found && service.Service == change.Service, nil
	case DelService:
		return !found, nil
	}
	if !found {
		return change.Op == DelDestination, nil
	}
	destinations, err := destinations(c, plainForm(), change.Service.Key, nil)
	if err != nil {
		return false, err
	}
	if change.Op == DelDestination {
		return !slices.ContainsFunc(destinations, func(d Destination) bool { return d.Endpoint() == change.Before.Endpoint() }), nil
	}
	return slices.ContainsFunc(destinations, func(d Destination) bool { return d.configured() == change.After }), nil
}
