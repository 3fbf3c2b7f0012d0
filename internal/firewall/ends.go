package firewall

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// ends returns the known ends of a flow, as bindings with their addresses in place of VIPs
// and their ports.
func (f flow) ends(bindings []config.Binding, t Tracking) []config.Binding {
	var ends []config.Binding
	add := func(b config.Binding) {
		// The clusters with masquerade share the addresses of the director.
		known := f.isOfHost() && slices.ContainsFunc(ends, func(end config.Binding) bool { return slices.Equal(end.Ports, b.Ports) })
		if len(b.VIPs) > 0 && len(b.Ports) > 0 && !known {
			ends = append(ends, b)
		}
	}
	for _, b := range config.WithProtocols(bindings) {
		nat := config.ServersBy(config.NAT, b.RealServers)
		switch {
		case f == toVIP, f == replyFromVIP && len(nat) > 0:
			add(b)
		case f.isActive():
			add(activeEnds(f, b, t))
		case f != replyFromVIP:
			if f == toServer && len(config.ServersBy(config.Direct, b.RealServers)) > 0 {
				add(b)
			}
			for _, end := range serverEnds(b, nat) {
				add(end)
			}
		}
	}
	return ends
}

// serverEnds returns the real servers in place of the VIPs, with their own ports.
func serverEnds(b config.Binding, servers []config.RealServer) []config.Binding {
	var ends []config.Binding
	byPort := map[uint16][]netip.Addr{}
	for _, s := range servers {
		byPort[s.Port] = append(byPort[s.Port], s.Address)
	}
	for _, port := range slices.Sorted(maps.Keys(byPort)) {
		end := b
		end.VIPs = config.SingleAddresses(byPort[port]...)
		if port != 0 {
			end.Ports = slices.Clone(b.Ports)
			for i := range end.Ports {
				end.Ports[i].Low, end.Ports[i].High = port, port
			}
		}
		ends = append(ends, end)
	}
	return ends
}

// activeEnds returns the real servers whose active data is forwarded, or the address that it
// is translated to, and its ports at this end.
func activeEnds(f flow, b config.Binding, t Tracking) config.Binding {
	servers := addressesOf(config.ServersBy(config.NAT, b.RealServers))
	ftp := b.Cluster.FTP
	if ftp == nil || ftp.Active == nil {
		return config.Binding{}
	}
	b.Ports = nil
	for _, port := range ftp.Active.Ports {
		b.Ports = append(b.Ports, config.PortRange{Protocol: config.TCP, Low: port, High: port})
	}
	if ftp.Active.Translate != config.NoTranslation && f != activeFromVIP && f != activeToVIP {
		servers = within(servers, ftp.Active.Sources)
	}
	if to, limited := f.translation(); limited && to != ftp.Active.Translate || len(servers) == 0 {
		return config.Binding{}
	}
	switch f {
	case activeFromVIP, activeToVIP:
		b.VIPs = b.VIPs[:1]
	case activeFromHost, activeToHost:
		b.VIPs = config.SingleAddresses(slices.DeleteFunc(slices.Clone(t.Masquerade), func(a netip.Addr) bool { return config.FamilyOf(a) != b.Family })...)
	default:
		b.VIPs = config.SingleAddresses(servers...)
	}
	return b
}

// translation returns the translation of all active data that the flow has; false: the flow has
// active data with any translation.
func (f flow) translation() (to config.Translation, limited bool) {
	switch f {
	case activeFromVIP, activeToVIP:
		return config.SNAT, true
	case activeFromHost, activeToHost:
		return config.Masquerade, true
	case activeFromServer, activeToServer:
		return config.NoTranslation, true
	}
	return 0, false
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
