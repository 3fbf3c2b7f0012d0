package ipvs

import (
	"github.com/lvsmark/lvsmark/config"
)

// Compile returns the services that a spec asks for: for each address family
// that a cluster serves, one that is keyed by the cluster's mark. IPv4 comes
// before IPv6, and within a family the order is that of the spec, as is that of
// the real servers. It is nil when the spec does not bind.
func Compile(spec *config.Spec) []Service {
	if !spec.Director.Bind {
		return nil
	}
	var services []Service
	for _, family := range config.Families() {
		for i := range spec.Clusters {
			if cluster := &spec.Clusters[i]; cluster.Serves(family) {
				services = append(services, compile(cluster, family))
			}
		}
	}
	return services
}

func compile(cluster *config.Cluster, family config.Family) Service {
	service := Service{Header: Header{
		Key:         Key{Mark: cluster.Mark, Family: family},
		Scheduler:   cluster.Scheduler,
		Persistence: cluster.Persistence,
		Netmask:     family.Bits(),
	}}
	// Without persistence the kernel keeps a netmask but has no use for it, and
	// ipvsadm does not print it.
	if cluster.Persistence > 0 && cluster.PersistenceNetmask != 0 {
		service.Netmask = cluster.PersistenceNetmask
	}
	servers := cluster.RealServersOf(family)
	service.Servers = make([]Server, 0, len(servers))
	for _, server := range servers {
		service.Servers = append(service.Servers, Server{
			Address:    server.Address,
			Weight:     server.Weight,
			Forwarding: cluster.Forwarding,
		})
	}
	return service
}
