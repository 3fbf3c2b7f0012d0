package hostcheck

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// MasqueradeAddresses returns the addresses that masquerade gives to active data of the spec to
// clients behind the default routes. A default route with a source of its own (`src`) yields
// that one. An error is one of the route netlink; the addresses that are known come with it.
func MasqueradeAddresses(spec *config.Spec) (addresses []netip.Addr, err error) {
	var routes *route.Table
	for _, to := range []netip.Addr{
		netip.AddrFrom4([4]byte{240, 0, 0, 1}), // reserved (RFC 1112), so no network has it
		netip.AddrFrom16([16]byte{0x20}),       // 2000::, the first global unicast address (RFC 4291)
	} {
		if !masquerades(spec, config.FamilyOf(to)) {
			continue
		}
		if routes == nil {
			if routes, err = route.Open(); err != nil {
				return addresses, err
			}
			defer routes.Close()
		}
		source, err := routes.Source(to)
		if err != nil {
			return addresses, err
		}
		if source.IsValid() {
			addresses = append(addresses, source)
		}
	}
	return addresses, nil
}

// masquerades reports whether active data of a cluster is masqueraded.
func masquerades(spec *config.Spec, f config.Family) bool {
	for _, b := range spec.Bindings(f) {
		ftp := b.Cluster.FTP
		if ftp != nil && ftp.Active != nil && ftp.Active.Translate == config.Masquerade && len(config.ServersBy(config.NAT, b.RealServers)) > 0 {
			return true
		}
	}
	return false
}
