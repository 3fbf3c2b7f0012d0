package peer

import "github.com/lvsmark/lvsmark/config"

// vipDevices returns the clusters whose VIPs apply adds on one director only. With vrrp, which
// both have then, keepalived adds them.
func vipDevices(ours, theirs *config.Spec, pairs []pair) (found []Difference) {
	if ours.Director.VRRP != nil || theirs.Director.VRRP != nil {
		return nil
	}
	for _, p := range both(pairs) {
		if a, b := deviceText(p.ours), deviceText(p.theirs); (a == "") != (b == "") {
			found = append(found, Difference{"cluster " + p.ours.Name, a, b, "apply adds the VIPs on one director only, also while the other one has them"})
		}
	}
	return found
}

func deviceText(c *config.Cluster) string {
	if c.VIPDevice == "" {
		return ""
	}
	return "vip-device " + c.VIPDevice
}
