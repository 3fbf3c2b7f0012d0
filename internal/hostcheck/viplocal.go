package hostcheck

import (
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/internal/route"
)

// vipsLocal finds VIPs whose packets the kernel does not receive itself, with the cluster's
// mark or without, among the first ones: IPVS does not see these packets. Of a range it asks
// for both ends. VIPs that apply adds (vip-device), and those of a pair of directors (sync or
// vrrp), which another program moves, are left out.
func vipsLocal(spec *config.Spec, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	if spec.Director.VRRP != nil || spec.Director.Sync != nil || !slices.ContainsFunc(devices, isUp) {
		return nil, nil
	}
	vips := newBounded[netip.Addr]()
	var missing, clusters []string
	for i := range spec.Clusters {
		cluster := &spec.Clusters[i]
		if cluster.VIPDevice != "" {
			continue
		}
		for vip, mark := range EndsOfVIPs(cluster) {
			if !vips.isNew(vip) {
				continue
			}
			local, err := IsLocal(routes.To, vip, mark)
			if err != nil {
				return nil, err
			}
			if !local {
				missing = append(missing, vip.String())
			}
			if !local && !slices.Contains(clusters, cluster.Name) {
				clusters = append(clusters, cluster.Name)
			}
		}
	}
	if len(missing) == 0 {
		return nil, vips.err("VIPs")
	}
	return []Finding{{
		Check: VIPLocal, What: fmt.Sprintf("the director does not have the address %s (VIP of %s), so IPVS does not get the packets", lookup.Listed(missing), lookup.Listed(clusters)),
		Remedy: "set vip-device, or give the director the address; if another director has it now, this is right",
	}}, vips.err("VIPs")
}

// EndsOfVIPs yields the first and the last address of each range of VIPs with its mark.
func EndsOfVIPs(c *config.Cluster) iter.Seq2[netip.Addr, uint32] {
	return func(yield func(netip.Addr, uint32) bool) {
		for _, family := range config.Families() {
			for _, b := range c.Bindings(family) {
				for _, vips := range b.VIPs {
					for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
						if !yield(vip, b.Mark) {
							return
						}
					}
				}
			}
		}
	}
}

// IsLocal reports whether the kernel receives packets to a VIP itself, with its mark or
// without. ask is that of a route.Table.
func IsLocal(ask func(netip.Addr, uint32) (route.Route, error), vip netip.Addr, mark uint32) (bool, error) {
	for _, m := range []uint32{0, mark} {
		r, err := ask(vip, m)
		if err != nil || r.IsLocal() {
			return r.IsLocal(), err
		}
	}
	return false, nil
}
