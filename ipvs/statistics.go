package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Counters are numbers of connections, packets and bytes. "In" is from clients to real
// servers; "out" is back, which IPVS sees with forwarding nat only.
type Counters struct {
	Connections uint64 `json:"connections"`
	PacketsIn   uint64 `json:"packets_in"`
	PacketsOut  uint64 `json:"packets_out"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
}

// Statistics are the kernel's counters of a service or a destination: totals since it was
// added or its counters were zeroed, and estimated rates per second. The kernel updates both
// every two seconds (estimation_timer in net/netfilter/ipvs/ip_vs_est.c).
type Statistics struct {
	Totals, Rates Counters
}

// A CountedService is a service with statistics.
type CountedService struct {
	Service
	Statistics   Statistics
	Destinations []CountedDestination // sorted by address and port
}

// A CountedDestination is a destination with statistics.
type CountedDestination struct {
	Destination
	Statistics Statistics
}

// VirtualService returns the service without statistics.
func (s CountedService) VirtualService() VirtualService {
	v := VirtualService{Service: s.Service, Destinations: make([]Destination, len(s.Destinations))}
	for i, d := range s.Destinations {
		v.Destinations[i] = d.Destination
	}
	return v
}

// Statistics is like Services, with statistics.
func (c *Conn) Statistics(expected ...Key) ([]CountedService, error) {
	listed, err := c.countedServices()
	if err != nil {
		return nil, err
	}
	for _, key := range expected {
		if _, found := listed[key]; found {
			continue
		}
		service, found, err := c.countedService(key)
		if err != nil {
			return nil, err
		}
		if found {
			listed[key] = service
		}
	}
	services := slices.SortedFunc(maps.Values(listed), func(a, b CountedService) int { return a.Key.Compare(b.Key) })
	for i := range services {
		if services[i].Destinations, err = c.countedDestinations(services[i].Key); err != nil {
			return nil, err
		}
	}
	return services, nil
}

// countedServices returns the fwmark services of one list, without their destinations.
func (c *Conn) countedServices() (map[Key]CountedService, error) {
	all, err := c.list()
	if err != nil {
		return nil, err
	}
	services := make(map[Key]CountedService, len(all))
	for _, e := range all {
		service, err := decodeCountedService(e.attributes)
		if err != nil {
			return nil, fmt.Errorf("list IPVS services: %w", err)
		}
		if service.Mark != 0 {
			services[service.Key] = service
		}
	}
	return services, nil
}

func (c *Conn) countedService(key Key) (service CountedService, found bool, err error) {
	for attributes, err := range c.query(cmdGetService, 0, appendKey(nil, key)) {
		if err == nil {
			service, err = decodeCountedService(attributes)
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

func (c *Conn) countedDestinations(key Key) ([]CountedDestination, error) {
	var list []CountedDestination
	for attributes, err := range c.query(cmdGetDest, unix.NLM_F_DUMP, appendKey(nil, key)) {
		var d CountedDestination
		if err == nil {
			d.Destination, err = decodeDestination(attributes, key)
		}
		if err == nil {
			d.Statistics, err = decodeStatistics(attributes, attrDest, destStats64)
		}
		if err != nil {
			return nil, fmt.Errorf("list the real servers of service %s: %w", key, err)
		}
		list = append(list, d)
	}
	sortDestinations(list, func(d CountedDestination) Endpoint { return d.Endpoint() })
	return list, nil
}

func decodeCountedService(attributes []byte) (CountedService, error) {
	service, err := decodeService(attributes)
	if err != nil {
		return CountedService{}, err
	}
	statistics, err := decodeStatistics(attributes, attrService, serviceStats64)
	return CountedService{Service: service, Statistics: statistics}, err
}

// decodeStatistics decodes the statistics of 64 bits inside a service or destination
// (IPVS_STATS_ATTR_* of linux/ip_vs.h).
func decodeStatistics(attributes []byte, outer, statistics uint16) (Statistics, error) {
	var s Statistics
	fields := [...]*uint64{
		&s.Totals.Connections, &s.Totals.PacketsIn, &s.Totals.PacketsOut, &s.Totals.BytesIn, &s.Totals.BytesOut,
		&s.Rates.Connections, &s.Rates.PacketsIn, &s.Rates.PacketsOut, &s.Rates.BytesIn, &s.Rates.BytesOut,
	}
	object := netlink.DecodeNested(attributes, outer)
	for object.Next() {
		if object.Type() != statistics {
			continue
		}
		d := netlink.Decode(object.Bytes())
		for d.Next() {
			if i := int(d.Type()) - 1; i >= 0 && i < len(fields) {
				*fields[i] = d.Uint64()
			}
		}
		if d.Err() != nil {
			return s, d.Err()
		}
	}
	return s, object.Err()
}
