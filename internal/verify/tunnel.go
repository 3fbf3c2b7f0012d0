package verify

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"golang.org/x/sys/unix"
)

// tunnelServers returns the real servers that get packets in tunnels, and those whose
// forwarding method is not known.
func tunnelServers(sides ...exact.Side) []netip.Addr {
	var list []netip.Addr
	for _, side := range sides {
		for _, s := range side.Services {
			for _, r := range s.RealServers {
				if r.Forwarding == config.Tunnel || r.RawForwarding != 0 {
					list = append(list, r.Address)
				}
			}
		}
	}
	return list
}

// meetsTunnel reports whether a rule may do something to packets in tunnels to real servers:
// IPVS gives their outer header the address of the real server (ip_vs_tunnel_xmit of
// net/netfilter/ipvs/ip_vs_xmit.c).
func meetsTunnel(r *oldconfig.Rule, servers []netip.Addr) bool {
	if len(servers) == 0 {
		return false
	}
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Matches, func(m oldconfig.Match) bool { return excludesTunnels(m, servers) }) {
			return false
		}
		if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.Kind != oldconfig.NoEffect }) {
			return true
		}
	}
	return false
}

// excludesTunnels reports whether no outer header fulfils a match.
func excludesTunnels(m oldconfig.Match, servers []netip.Addr) bool {
	switch m.Field {
	case oldconfig.Destination:
		return !slices.ContainsFunc(servers, func(a netip.Addr) bool { return contains(m, oldconfig.AddressNumber(a)) })
	case oldconfig.Protocol:
		return !slices.ContainsFunc([]uint64{unix.IPPROTO_IPIP, unix.IPPROTO_IPV6, unix.IPPROTO_GRE, unix.IPPROTO_UDP},
			func(protocol uint64) bool { return contains(m, oldconfig.Number{Low: protocol}) })
	}
	return false
}

func contains(m oldconfig.Match, n oldconfig.Number) bool {
	in := slices.ContainsFunc(m.In, func(r oldconfig.Range) bool { return r.Low.Compare(n) <= 0 && n.Compare(r.High) <= 0 })
	return in != m.Not
}
