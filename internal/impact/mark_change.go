package impact

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
)

// A markChange is marked ports of VIPs whose packets get another mark, or none.
type markChange struct {
	vips config.AddressRange
	firewall.MarkedPorts
	to   uint32 // the mark after the change; 0: none
	some bool   // only some packets: those that meet conditions of only, or no longer meet them
}

// compareMarks returns the marked ranges of ports whose mark changes.
func compareMarks(vips config.AddressRange, before, after []firewall.MarkedPorts) []markChange {
	var list []markChange
	for _, old := range before {
		rest := int(old.Low) // the first port of old not compared yet
		for _, next := range after {
			if !next.Overlaps(old.PortRange) {
				continue
			}
			list = appendMarkChange(list, vips, old, rest, int(next.Low)-1, 0)
			list = appendMarkChange(list, vips, old, max(int(next.Low), int(old.Low)), min(int(next.High), int(old.High)), next.Mark)
			rest = int(next.High) + 1
		}
		list = appendMarkChange(list, vips, old, rest, int(old.High), 0)
	}
	return list
}

func appendMarkChange(list []markChange, vips config.AddressRange, old firewall.MarkedPorts, low, high int, to uint32) []markChange {
	if low > high || to == old.Mark {
		return list
	}
	old.Low, old.High = uint16(low), uint16(high)
	return append(list, markChange{vips: vips, MarkedPorts: old, to: to})
}
