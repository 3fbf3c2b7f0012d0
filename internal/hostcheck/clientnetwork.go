package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// Bounds of what is read and asked for, as the checks are part of each diff and apply.
const (
	maxNetworks     = 64
	maxDestinations = 10_000 // routes of a family
	maxCandidates   = 8      // addresses of a network, from its first one
	maxAsked        = 1_000  // addresses of all networks
)

// A PossibleClient is an address in a network to which a route leads. Nothing says whether the
// network has clients.
type PossibleClient struct {
	Address netip.Addr
	Device  string // towards it
}

// ClientNetworks are networks in which clients of clusters may be, one for each way of routes
// other than the default route: device, gateway and source address. The zero value has none.
type ClientNetworks struct {
	list       []clientNetwork
	defaults   []PossibleClient // behind the default route of each family
	incomplete bool
}

type clientNetwork struct {
	PossibleClient

	network netip.Prefix
	onLink  bool
}

// ReadClientNetworks asks the kernel for the client networks of the spec. It asks for none if all
// its clients are known, or are of no interest: with direct and tunnel, the director sends them
// nothing.
func ReadClientNetworks(spec *config.Spec) (n ClientNetworks, err error) {
	devices, err := net.Interfaces()
	if err != nil {
		return n, err
	}
	routes, err := route.Open()
	if err != nil {
		return n, err
	}
	defer routes.Close()
	return clientNetworks(spec, devices, routes)
}

// Of returns a client of each network in which clients of a cluster with nat may be: none, if
// `only` has their networks. `only` may limit the devices too: then the answers to clients may leave
// by the default route all the same. A network of which the director and all real servers of the
// cluster are part is left out: its packets pass the director by.
func (n ClientNetworks) Of(c *config.Cluster, f config.Family) (clients []PossibleClient) {
	servers := natServers(c, f)
	if len(servers) == 0 || len(c.Only.SourcesOf(f)) > 0 {
		return nil
	}
	if client, ok := n.byOtherDevices(c, f); ok {
		clients = append(clients, client)
	}
	for _, m := range n.list {
		elsewhere := func(s config.RealServer) bool { return !m.onLink || !m.network.Contains(s.Address) }
		byDevice := c.Only == nil || len(c.Only.Devices) == 0 || slices.Contains(c.Only.Devices, m.Device)
		if config.FamilyOf(m.Address) == f && byDevice && slices.ContainsFunc(servers, elsewhere) {
			clients = append(clients, m.PossibleClient)
		}
	}
	return clients
}

// byOtherDevices returns the client behind the default route, if the packets of clients of the cluster
// come in by other devices only.
func (n ClientNetworks) byOtherDevices(c *config.Cluster, f config.Family) (client PossibleClient, ok bool) {
	i := slices.IndexFunc(n.defaults, func(d PossibleClient) bool { return config.FamilyOf(d.Address) == f })
	if i < 0 || c.Only == nil || len(c.Only.Devices) == 0 || slices.Contains(c.Only.Devices, n.defaults[i].Device) {
		return client, false
	}
	return n.defaults[i], true
}

// errNetworks means that a host has more networks than ClientNetworks can have.
var errNetworks = fmt.Errorf("clients may be behind more than %d next hops or %d routes, and the others are not followed", maxNetworks, maxDestinations)

// Err returns an error if networks are missing.
func (n ClientNetworks) Err() error {
	if n.incomplete {
		return errNetworks
	}
	return nil
}

func natServers(c *config.Cluster, f config.Family) []config.RealServer {
	return slices.DeleteFunc(config.ServersBy(config.NAT, c.RealServers), func(s config.RealServer) bool { return config.FamilyOf(s.Address) != f })
}

// haveAnyClients reports whether a cluster of the family has real servers with nat, and clients
// that no `only` names.
func haveAnyClients(spec *config.Spec, f config.Family) bool {
	return slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return c.Serves(f) && len(natServers(&c, f)) > 0 && len(c.Only.SourcesOf(f)) == 0
	})
}

func clientNetworks(spec *config.Spec, devices []net.Interface, routes *route.Table) (n ClientNetworks, err error) {
	families := slices.DeleteFunc(config.Families(), func(f config.Family) bool { return !haveAnyClients(spec, f) })
	if len(families) == 0 {
		return n, nil
	}
	tables, err := tablesOfAll()
	if err != nil {
		return n, err
	}
	destinations, all, err := route.Destinations(maxDestinations)
	if err != nil {
		return n, err
	}
	n.incomplete = !all
	s := &networkSearch{devices: devices, routes: routes, cluster: addressesOf(spec), known: map[string]bool{}}
	if n.defaults, err = s.behindDefaultRoutes(families); err != nil {
		return n, err
	}
	for _, d := range destinations {
		f := config.FamilyOf(d.Network.Addr())
		if !slices.Contains(families, f) || !slices.Contains(tables, table{f, d.Table}) || s.isKnown(d) {
			continue
		}
		network, ok, err := s.network(d)
		switch {
		case err != nil:
			return n, err
		case !ok:
		case len(n.list) == maxNetworks:
			n.incomplete = true
			return n, nil
		default:
			s.known[s.key(d)] = true
			n.list = append(n.list, network)
		}
	}
	n.incomplete = n.incomplete || s.asked > maxAsked
	return n, nil
}

// A table is a table of routes of one family.
type table struct {
	family config.Family
	number uint32
}

// tablesOfAll returns the tables in which the kernel looks up packets without a mark, of any
// source and device.
func tablesOfAll() (tables []table, err error) {
	rules, err := route.Rules()
	for _, r := range rules {
		if r.MatchesUnmarked() {
			tables = append(tables, table{r.Family, r.Table})
		}
	}
	return tables, err
}

// A networkSearch finds addresses of clients in networks.
type networkSearch struct {
	devices []net.Interface
	routes  *route.Table
	cluster clusterAddresses
	known   map[string]bool // ways
	asked   int             // addresses
}

func (s *networkSearch) behindDefaultRoutes(families []config.Family) (clients []PossibleClient, err error) {
	for _, f := range families {
		to, err := s.routes.To(defaultClient(f), 0)
		if err != nil {
			return nil, err
		}
		if i := s.device(to); to.Refused == 0 && i >= 0 {
			clients = append(clients, PossibleClient{defaultClient(f), s.devices[i].Name})
		}
	}
	return clients, nil
}

// device returns the index of the device of a route, or -1.
func (s *networkSearch) device(to route.Route) int {
	return slices.IndexFunc(s.devices, func(device net.Interface) bool { return device.Index == int(to.Device) })
}

// isKnown reports whether the destination needs no client: it is no network of clients, or the
// client of another network has the same way.
func (s *networkSearch) isKnown(d route.Destination) bool {
	a := d.Network.Addr()
	return d.Network.Bits() == 0 || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsLoopback() || s.known[s.key(d)]
}

// key returns the way; that of a network of real servers is its own, as Of leaves some out.
func (s *networkSearch) key(d route.Destination) string {
	if !d.Gateway.IsValid() && s.cluster.hasServerIn(d.Network) {
		return d.Way + d.Network.String()
	}
	return d.Way
}

// network returns the network with a client that the kernel reaches by the route of the
// destination; false: there is none.
func (s *networkSearch) network(d route.Destination) (n clientNetwork, ok bool, err error) {
	for _, a := range candidates(d.Network) {
		if s.cluster.has(a) {
			continue
		}
		if s.asked++; s.asked > maxAsked {
			return n, false, nil
		}
		to, err := s.routes.To(a, 0)
		if err != nil {
			return n, false, err
		}
		several := d.Device == 0
		if to.Refused != 0 || to.Type != unix.RTN_UNICAST || !several && (to.Device != d.Device || to.Gateway != d.Gateway) {
			continue
		}
		i := s.device(to)
		if i < 0 || s.devices[i].Flags&net.FlagLoopback != 0 {
			return n, false, nil
		}
		return clientNetwork{PossibleClient{a, s.devices[i].Name}, d.Network, !several && !d.Gateway.IsValid()}, true, nil
	}
	return n, false, nil
}

// candidates returns addresses of a network that a client may have: the first ones, of which
// routers have some, and the last one, which a broader route than that of the first ones may have.
// The first and the last address of all are no addresses of a client.
func candidates(network netip.Prefix) (list []netip.Addr) {
	r := config.RangeOfPrefix(network)
	if network.Addr().BitLen()-network.Bits() < 2 {
		return slices.Compact([]netip.Addr{r.First, r.Last})
	}
	last := r.Last.Prev()
	for a := r.First.Next(); len(list) < maxCandidates && a.Less(last); a = a.Next() {
		list = append(list, a)
	}
	return append(list, last)
}

// clusterAddresses are addresses of the clusters, which no client has.
type clusterAddresses struct {
	servers []netip.Addr // sorted
	vips    []config.AddressRange
}

func addressesOf(spec *config.Spec) (a clusterAddresses) {
	for _, c := range spec.Clusters {
		for _, s := range c.RealServers {
			a.servers = append(a.servers, s.Address)
		}
		a.vips = append(a.vips, c.VIPs...)
	}
	slices.SortFunc(a.servers, netip.Addr.Compare)
	return a
}

func (c clusterAddresses) has(a netip.Addr) bool {
	_, isServer := slices.BinarySearchFunc(c.servers, a, netip.Addr.Compare)
	return isServer || slices.ContainsFunc(c.vips, func(r config.AddressRange) bool { return r.Contains(a) })
}

func (c clusterAddresses) hasServerIn(network netip.Prefix) bool {
	i, _ := slices.BinarySearchFunc(c.servers, network.Addr(), netip.Addr.Compare)
	return i < len(c.servers) && network.Contains(c.servers[i])
}
