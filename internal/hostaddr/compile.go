package hostaddr

import "github.com/lvsmark/lvsmark/config"

// Compile returns the VIPs of the spec that have a device, in the order of the spec, each
// VIP once for each device; none with VRRP, because keepalived adds them. A network is a local route; a range is the smallest list of
// networks and single addresses.
func Compile(spec *config.Spec) []Address {
	if spec.Director.VRRP != nil {
		return nil
	}
	var addresses []Address
	seen := map[Address]bool{}
	for _, cluster := range spec.Clusters {
		if cluster.VIPDevice == "" {
			continue
		}
		for _, vips := range cluster.VIPs {
			for _, address := range onDevice(cluster.VIPDevice, vips) {
				if !seen[address] {
					seen[address] = true
					addresses = append(addresses, address)
				}
			}
		}
	}
	return addresses
}

func onDevice(device string, vips config.AddressRange) []Address {
	if vips.IsSingle() {
		return []Address{{Device: device, IP: vips.First}}
	}
	var list []Address
	for _, p := range vips.Prefixes() {
		a := Address{Device: device, IP: p.Addr()}
		if !p.IsSingleIP() {
			a.Bits = p.Bits()
		}
		list = append(list, a)
	}
	return list
}
