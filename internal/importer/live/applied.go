package live

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/nft"
)

// addRecords adds what lvsmark's tables and addresses say about its services and settings.
func addRecords(c *oldconfig.Config, own *nft.Ruleset, addresses []hostaddr.Local) {
	ledger := own.Ledger()
	nameServices(c.Services, ledger)
	findDrained(c, ledger)
	c.Applied = applied(own, addresses)
}

// nameServices names the services of lvsmark as their clusters.
func nameServices(services []*oldconfig.Service, ledger nft.Ledger) {
	for _, s := range services {
		if s.Mark != 0 {
			s.Binding = ledger.Bound[nft.BoundMark{Mark: s.Mark, Family: s.Family}]
			s.Name, _ = config.SplitBindingName(s.Binding)
		}
	}
}

// findDrained adds a finding for each real server that `lvsmark drain` has set to weight 0.
func findDrained(c *oldconfig.Config, ledger nft.Ledger) {
	for _, s := range c.Services {
		for _, r := range s.RealServers {
			key := nft.DrainedServer{Service: nft.BoundMark{Mark: s.Mark, Family: s.Family}, Address: r.Address, Port: r.Port}
			if weight, drained := ledger.Drained[key]; drained {
				c.AddFinding(s.Line, "lvsmark drain has set the weight of %s to 0; it was %d", r.Address, weight)
			}
		}
	}
}

// applied returns what lvsmark's tables and addresses say; nil without a table.
func applied(own *nft.Ruleset, addresses []hostaddr.Local) *oldconfig.Applied {
	if len(own.Tables) == 0 {
		return nil
	}
	a := &oldconfig.Applied{Table: own.Tables[0].Name}
	for name, s := range own.Ledger().Settings {
		a.Settings = append(a.Settings, config.Setting{Name: name, Value: s.Value})
	}
	slices.SortFunc(a.Settings, func(a, b config.Setting) int { return cmp.Compare(a.Name, b.Name) })
	for _, local := range addresses {
		if local.Ours {
			a.Devices = append(a.Devices, oldconfig.VIPsOnDevice{Device: local.Device, VIPs: local.Range()})
		}
	}
	return a
}
