package hostaddr

import "github.com/lvsmark/lvsmark/config"

// Compile returns the VIPs that the spec wants on devices, in its order. A VIP of
// several clusters is there once for each device.
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
