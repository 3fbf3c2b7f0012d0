package fakekernel

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// IPVSLoaded reports whether the kernel has IPVS.
func (k *Kernel) IPVSLoaded() bool { return !k.NoIPVS }

// OpenIPVS returns ipvs.ErrNoIPVS if the kernel has no IPVS.
func (k *Kernel) OpenIPVS() error {
	if k.NoIPVS {
		return ipvs.ErrNoIPVS
	}
	return nil
}

// Services is like ipvs.Conn.Services.
func (k *Kernel) Services(...ipvs.Key) ([]ipvs.VirtualService, error) {
	return k.sortedServices(), k.OpenIPVS()
}

func (k *Kernel) sortedServices() []ipvs.VirtualService {
	services := slices.Clone(k.services)
	slices.SortFunc(services, func(a, b ipvs.VirtualService) int { return a.Compare(b.Key) })
	for i, s := range services {
		services[i].Destinations = slices.SortedFunc(slices.Values(s.Destinations), func(a, b ipvs.Destination) int {
			return a.Address.Compare(b.Address)
		})
	}
	return services
}

// Statistics is like ipvs.Conn.Statistics. All statistics are 0.
func (k *Kernel) Statistics(...ipvs.Key) (services []ipvs.CountedService, err error) {
	for _, s := range k.sortedServices() {
		counted := ipvs.CountedService{Service: s.Service}
		for _, d := range s.Destinations {
			counted.Destinations = append(counted.Destinations, ipvs.CountedDestination{Destination: d})
		}
		services = append(services, counted)
	}
	return services, k.OpenIPVS()
}

// ServicesDigest returns the services as text.
func (k *Kernel) ServicesDigest() (string, error) {
	return ipvs.Text(k.sortedServices()), k.OpenIPVS()
}

// ChangeServices is like ipvs.Conn.Apply, with batches of one change.
func (k *Kernel) ChangeServices(changes ...ipvs.Change) []error {
	var answers []error
	for _, c := range changes {
		err := k.change(c.Verb()+" "+c.Object(), func() error { return k.changeService(c) })
		answers = append(answers, err)
		if err != nil {
			break
		}
	}
	return answers
}

// ServiceChanged is like ipvs.Conn.IsApplied.
func (k *Kernel) ServiceChanged(c ipvs.Change) (bool, error) {
	s := k.service(c.Service.Key)
	if c.OnService() {
		if c.Op == ipvs.DelService {
			return s == nil, nil
		}
		return s != nil && s.Service == c.Service, nil
	}
	if s == nil {
		return c.Op == ipvs.DelDestination, nil
	}
	if c.Op == ipvs.DelDestination {
		return s.destination(c.Before.Endpoint()) < 0, nil
	}
	i := s.destination(c.After.Endpoint())
	return i >= 0 && configured(s.Destinations[i]) == c.After, nil
}

// SetConnections sets the numbers of connections of a real server.
func (k *Kernel) SetConnections(key ipvs.Key, address netip.Addr, c ipvs.Connections) {
	s := k.service(key)
	s.Destinations[s.destination(ipvs.Endpoint{Address: address})].Connections = c
}

// AddConnection adds an entry to the table of IPVS connections.
func (k *Kernel) AddConnection(c ipvs.Connection) { k.connections = append(k.connections, c) }

// UnderWay is like ipvs.EachConnection.
func (k *Kernel) UnderWay() iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for _, c := range k.connections {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Translated returns no connections.
func (k *Kernel) Translated(config.Family) ([]netip.AddrPort, error) { return nil, nil }

// A service is an element of Kernel.services.
type service struct{ *ipvs.VirtualService }

// service returns nil if there is no such service.
func (k *Kernel) service(key ipvs.Key) *service {
	i := slices.IndexFunc(k.services, func(s ipvs.VirtualService) bool { return s.Key == key })
	if i < 0 {
		return nil
	}
	return &service{&k.services[i]}
}

func (s *service) destination(e ipvs.Endpoint) int {
	return slices.IndexFunc(s.Destinations, func(d ipvs.Destination) bool { return d.Endpoint() == e })
}

// changeService returns the errors of the kernel: EEXIST for an object that exists, ESRCH
// for a missing service and ENOENT for a missing real server.
func (k *Kernel) changeService(c ipvs.Change) error {
	if err := k.OpenIPVS(); err != nil {
		return err
	}
	s := k.service(c.Service.Key)
	switch {
	case c.Op == ipvs.AddService && s != nil:
		return staleError(c, unix.EEXIST)
	case c.Op == ipvs.AddService:
		k.services = append(k.services, ipvs.VirtualService{Service: c.Service})
		return nil
	case s == nil:
		return staleError(c, unix.ESRCH)
	case c.Op == ipvs.EditService:
		s.Service = c.Service
		return nil
	case c.Op == ipvs.DelService:
		k.services = slices.DeleteFunc(k.services, func(s ipvs.VirtualService) bool { return s.Key == c.Service.Key })
		return nil
	}
	return s.changeDestination(c)
}

func (s *service) changeDestination(c ipvs.Change) error {
	if c.Op == ipvs.AddDestination {
		if s.destination(c.After.Endpoint()) >= 0 {
			return staleError(c, unix.EEXIST)
		}
		s.Destinations = append(slices.Clone(s.Destinations), c.After)
		return nil
	}
	i := s.destination(c.Before.Endpoint())
	if i < 0 {
		return staleError(c, unix.ENOENT)
	}
	s.Destinations = slices.Clone(s.Destinations)
	if c.Op == ipvs.DelDestination {
		s.Destinations = slices.Delete(s.Destinations, i, i+1)
		return nil
	}
	connections := s.Destinations[i].Connections
	s.Destinations[i] = c.After
	s.Destinations[i].Connections = connections
	return nil
}

// configured returns the destination without its numbers of connections.
func configured(d ipvs.Destination) ipvs.Destination {
	d.Connections = ipvs.Connections{}
	return d
}

func staleError(c ipvs.Change, errno error) error {
	return fmt.Errorf("%s %s: %w: %w", c.Verb(), c.Object(), ipvs.ErrStale, errno)
}
