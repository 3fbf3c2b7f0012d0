package peer

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// conditions compares whether only has devices and link-layer addresses. Which ones is each
// director's own: names of devices may differ, and each names the other one's address.
func conditions(ours, theirs *config.Cluster) (found []Difference) {
	for _, c := range []struct {
		text         func(*config.Cluster) string
		none, reason string
	}{
		{devices, "all devices", notServed},
		{exceptMACs, "all senders", "a director without except-macs marks packets too that the other one sends it as a real server, and may send them back"},
	} {
		a, b := c.text(ours), c.text(theirs)
		if (a == "") == (b == "") {
			continue
		}
		if a == "" {
			a = c.none
		}
		if b == "" {
			b = c.none
		}
		found = append(found, Difference{"cluster " + ours.Name, a, b, c.reason})
	}
	return found
}

// devices returns the devices by which packets come in; empty: any.
func devices(c *config.Cluster) string {
	if c.Only == nil || len(c.Only.Devices) == 0 {
		return ""
	}
	return "devices " + strings.Join(c.Only.Devices, ", ")
}

// exceptMACs returns the senders whose packets get no mark; empty: none.
func exceptMACs(c *config.Cluster) string {
	if c.Only == nil || len(c.Only.ExceptMACs) == 0 {
		return ""
	}
	texts := make([]string, len(c.Only.ExceptMACs))
	for i, mac := range c.Only.ExceptMACs {
		texts[i] = fmt.Sprint(mac)
	}
	return "except-macs " + strings.Join(texts, ", ")
}
