package hostaddr

import "github.com/lvsmark/lvsmark/config"

// Compile returns the VIPs of the spec that have a device, in the order of the spec, each
// VIP once for each device.
func Compile(spec *config.Spec) []Address {
	var addresses []Address
	seen := map[Address]bool{}
	for _, cluster := range spec.Clusters {
		if cluster.VIPDevice == "" {
			continue
		}
		for _, vip := range cluster.VIPs {
			address := Address{Device: cluster.VIPDevice, IP: vip}
			if !seen[address] {
				seen[address] = true
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}
