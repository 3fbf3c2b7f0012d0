package ipvs

import (
	"github.com/lvsmark/lvsmark/config"
)

// Compile returns the services of a spec: one for each binding, keyed by its mark. IPv4
// comes before IPv6. Within a family, services and destinations have the order of the
// spec. The result is nil if director.bind is false.
func Compile(spec *config.Spec) []VirtualService {
	if !spec.Director.Bind {
		return nil
	}
	var services []VirtualService
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			services = append(services, compile(b))
		}
	}
	return services
}

func compile(b config.Binding) VirtualService {
	cluster := b.Cluster
	service := VirtualService{Service: Service{
		Key:       Key{Mark: b.Mark, Family: b.Family},
		SchedName: cluster.Scheduler,
		Timeout:   cluster.Persistence,
		Netmask:   b.Family.Bits(),
	}}
	for _, flag := range []struct {
		set  bool
		flag uint32
	}{{cluster.OnePacket, OnePacket}, {cluster.Hash.Fallback, SHFallback}, {cluster.Hash.Port, SHPort}} {
		if flag.set {
			service.Flags |= flag.flag
		}
	}
	// Without persistence, the kernel does not use the netmask, and ipvsadm does not print
	// it.
	if cluster.Persistence > 0 && cluster.PersistenceNetmask != 0 {
		service.Netmask = cluster.PersistenceNetmask
	}
	if b.IsShard {
		service.SchedName, service.Flags = config.ShardScheduler, 0
	}
	service.Destinations = make([]Destination, 0, len(b.RealServers))
	for _, server := range b.RealServers {
		service.Destinations = append(service.Destinations, Destination{
			Address:        server.Address,
			Port:           server.Port,
			Weight:         server.Weight,
			Forwarding:     server.Forwarding,
			UpperThreshold: server.UpperThreshold,
			LowerThreshold: server.LowerThreshold,
			Tunnel:         tunnelOf(server.Encapsulation),
		})
	}
	return service
}

// tunnelOf returns an encapsulation in the kernel's numbers.
func tunnelOf(e config.Encapsulation) Tunnel {
	return Tunnel{
		Type:  map[config.TunnelType]uint8{config.IPIP: tunnelIPIP, config.GUE: tunnelGUE, config.GRE: tunnelGRE}[e.Type],
		Port:  e.Port,
		Flags: map[config.TunnelChecksum]uint16{config.Checksum: tunnelChecksum, config.RemoteChecksum: tunnelRemoteChecksum}[e.Checksum],
	}
}
