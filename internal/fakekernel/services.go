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

// OpenIPVS fails where the kernel has none.
func (k *Kernel) OpenIPVS() error {
	if k.NoIPVS {
		return ipvs.ErrNoIPVS
	}
	return nil
}

// Services is as of ipvs.Conn.
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

// ServicesDigest is the services as text.
func (k *Kernel) ServicesDigest() (string, error) {
	return ipvs.Text(k.sortedServices()), k.OpenIPVS()
}

// ChangeServices is as of ipvs.Conn.Apply, one change after the other.
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

// ServiceChanged is as of ipvs.Conn.Done.
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

// Connect has a real server hold so many connections of each kind.
func (k *Kernel) Connect(key ipvs.Key, address netip.Addr, c ipvs.Connections) {
	s := k.service(key)
	s.Destinations[s.destination(ipvs.Endpoint{Address: address})].Connections = c
}

// AddConnection adds an entry to the table of IPVS connections.
func (k *Kernel) AddConnection(c ipvs.Connection) { k.connections = append(k.connections, c) }

// UnderWay is as of ipvs.EachConnection.
func (k *Kernel) UnderWay() iter.Seq2[ipvs.Connection, error] {
	return func(yield func(ipvs.Connection, error) bool) {
		for _, c := range k.connections {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Translated returns none.
func (k *Kernel) Translated(config.Family) ([]netip.AddrPort, error) { return nil, nil }

// A service is one of the kernel's.
type service struct{ *ipvs.VirtualService }

// service returns nil where there is none.
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

// changeService has the kernel's errors: EEXIST for what is there already, ESRCH for a
// service and ENOENT for a real server that is not there.
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

// configured is the destination without what counts by itself.
func configured(d ipvs.Destination) ipvs.Destination {
	d.Connections = ipvs.Connections{}
	return d
}

func staleError(c ipvs.Change, errno error) error {
	return fmt.Errorf("%s %s: %w: %w", c.Verb(), c.Object(), ipvs.ErrStale, errno)
}
