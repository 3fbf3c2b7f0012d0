package ipvs

import "github.com/lvsmark/lvsmark/internal/netlink"

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
	return services(c, form[CountedService, CountedDestination]{
		service:      decodeCountedService,
		destination:  decodeCountedDestination,
		key:          func(s *CountedService) Key { return s.Key },
		endpoint:     func(d CountedDestination) Endpoint { return d.Endpoint() },
		destinations: func(s *CountedService) *[]CountedDestination { return &s.Destinations },
	}, expected)
}

func decodeCountedService(attributes []byte) (CountedService, error) {
	service, err := decodeService(attributes)
	if err != nil {
		return CountedService{}, err
	}
	statistics, err := decodeStatistics(attributes, attrService, serviceStats64)
	return CountedService{Service: service, Statistics: statistics}, err
}

func decodeCountedDestination(attributes []byte, of Key) (CountedDestination, error) {
	destination, err := decodeDestination(attributes, of)
	if err != nil {
		return CountedDestination{}, err
	}
	statistics, err := decodeStatistics(attributes, attrDest, destStats64)
	return CountedDestination{Destination: destination, Statistics: statistics}, err
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
