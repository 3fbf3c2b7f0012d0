package firewall

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// ends returns the known ends of a flow, as bindings with their addresses in place of VIPs
// and their ports.
func (f flow) ends(bindings []config.Binding) []config.Binding {
	var ends []config.Binding
	for _, b := range bindings {
		nat := b.Cluster.Forwarding == config.NAT
		switch {
		case f == toVIP:
		case f.isActive():
			b = activeEnds(f, b)
		case f == toServer && b.Cluster.Forwarding == config.Direct, f == replyFromVIP && nat:
		case f != replyFromVIP && nat:
			b.VIPs = config.SingleAddresses(addressesOf(b.RealServers)...)
		default:
			continue
		}
		if len(b.VIPs) > 0 && len(b.Ports) > 0 {
			ends = append(ends, b)
		}
	}
	return ends
}

// activeEnds returns the real servers whose active data is forwarded, or the VIP that it
// is translated to, and its ports at this end.
func activeEnds(f flow, b config.Binding) config.Binding {
	servers := addressesOf(b.RealServers)
	ftp := b.Cluster.FTP
	if ftp == nil || ftp.Active == nil {
		return config.Binding{}
	}
	b.Ports = nil
	for _, port := range ftp.Active.Ports {
		b.Ports = append(b.Ports, config.PortRange{Protocol: config.TCP, Low: port, High: port})
	}
	if f == activeFromVIP || f == activeToVIP {
		if ftp.Active.Translate != config.SNAT || len(servers) == 0 {
			return config.Binding{}
		}
		b.VIPs = b.VIPs[:1]
		return b
	}
	b.VIPs = config.SingleAddresses(servers...)
	if ftp.Active.Translate != config.NoTranslation {
		b.VIPs = config.SingleAddresses(within(servers, ftp.Active.Sources)...)
	}
	return b
}

// within returns the addresses that are in one of the networks, of which there may be one
// for each address.
func within(addresses []netip.Addr, networks []netip.Prefix) []netip.Addr {
	known, lengths := make(map[netip.Prefix]bool, len(networks)), []int{}
	for _, p := range networks {
		known[p] = true
		if !slices.Contains(lengths, p.Bits()) {
			lengths = append(lengths, p.Bits())
		}
	}
	return slices.DeleteFunc(addresses, func(a netip.Addr) bool {
		return !slices.ContainsFunc(lengths, func(bits int) bool {
			p, err := a.Prefix(bits)
			return err == nil && known[p]
		})
	})
}

func addressesOf(servers []config.RealServer) []netip.Addr {
	addresses := make([]netip.Addr, len(servers))
	for i, s := range servers {
		addresses[i] = s.Address
	}
	return addresses
}

func translationsOf(ends []config.Binding) map[uint32]translation {
	translations := map[uint32]translation{}
	for _, b := range ends {
		translations[b.Mark] = translation{b.Cluster.FTP.Active.Translate, b.Cluster.VIPsOf(b.Family)[0].First}
	}
	return translations
}

// isTranslated reports whether lvsmark translates any packet of the part.
func (s *space) isTranslated(p part) bool {
	return s.anyTranslation(p, func(t translation) bool { return t.kind != config.NoTranslation })
}

func (s *space) anyTranslation(p part, is func(translation) bool) bool {
	for class := range p.classes.each {
		if is(s.translations[p.clusters.of(class)]) {
			return true
		}
	}
	return false
}
