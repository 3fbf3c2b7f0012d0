package specgen

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

func (d *draft) clusterName() string {
	names := []string{"ftp", "web", "Files.example", "c_"}
	return fmt.Sprintf("%s%d", names[d.IntN(len(names))], len(d.spec.Clusters))
}

// addServers adds real servers of the cluster's own network, or of the network of the
// previous cluster.
func (d *draft) addServers(c *config.Cluster) {
	network := len(d.spec.Clusters)
	if network > 0 && d.oneIn(5) {
		network--
	}
	weights := []int{0, 1, 1, 1, 7, 65535}
	for _, family := range config.Families() {
		if !c.Serves(family) {
			continue
		}
		for i := range 1 + d.IntN(4) {
			server := config.RealServer{Address: serverAddress(family, network, i), Weight: weights[d.IntN(len(weights))], Forwarding: c.Forwarding}
			d.setServerKeys(&server)
			if d.oneIn(2) {
				server.Name = fmt.Sprintf("rs%d-%s", i, family)
			}
			c.RealServers = append(c.RealServers, server)
		}
	}
}

func serverAddress(family config.Family, network, i int) netip.Addr {
	if family == config.IPv4 {
		return netip.AddrFrom4([4]byte{10, 0, byte(network), byte(11 + i)})
	}
	return netip.AddrFrom16([16]byte{0xfd, 7: byte(network), 15: byte(11 + i)})
}

func (d *draft) addActiveData(c *config.Cluster, translate config.Translation) {
	active := &config.ActiveData{Translate: translate, Ports: []uint16{20}}
	switch d.IntN(3) {
	case 0:
		active.Ports = []uint16{20, 989}
	case 1:
		active.Ports = []uint16{d.port()}
	}
	active.Sources = d.sources(c)
	c.FTP.Active = active
}

// sources returns random networks that contain the cluster's real servers, or their
// addresses.
func (d *draft) sources(c *config.Cluster) []netip.Prefix {
	shorter := []int{0, 0, 4, 8, 8}[d.IntN(5)]
	if d.oneIn(20) {
		shorter = 12 // contains real servers of other clusters too
	}
	var sources []netip.Prefix
	for _, server := range config.ServersBy(config.NAT, c.RealServers) {
		source := netip.PrefixFrom(server.Address, server.Address.BitLen()-shorter).Masked()
		if !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	return sources
}

func (d *draft) setPersistence(c *config.Cluster) {
	c.Persistence = []time.Duration{0, time.Second, config.DefaultPersistence, 90 * time.Minute}[d.IntN(4)]
	if c.Persistence > 0 && d.oneIn(3) {
		c.PersistenceNetmask = 1 + d.IntN(32)
	}
}
