package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// looksUpSecond reports whether IPVS looks up the mark of the second packet of a connection too: the
// first one went to a program of the director, or IPVS schedules each packet. tracks reports whether
// it may keep the tracking of its packets.
func (o outcome) looksUpSecond(tracks bool) bool {
	switch {
	case o.fate == passes:
		return o.translated == "" && o.by == nil
	case o.fate != serving || o.by.Flags&ipvs.OnePacket == 0 || !tracks:
		return false
	}
	// With others than nat the director sees no answer.
	return slices.ContainsFunc(o.by.RealServers, func(r oldconfig.RealServer) bool { return r.Forwarding == config.NAT })
}
