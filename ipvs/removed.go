package ipvs

import (
	"fmt"
	"strings"
)

// RemovedBy lists the properties of the service that an edit to next removes:
// "persistence engine sip", "scheduler flags sh-port".
func (s Service) RemovedBy(next Service) []string {
	gone := s
	gone.Flags = s.Flags &^ next.Flags
	list := gone.DescribeFlags()
	if s.PEName != "" && next.PEName == "" {
		list = append(list, "persistence engine "+s.PEName)
	}
	if s.Timeout > 0 && next.Timeout == 0 {
		list = append(list, "persistence of "+persistenceText(s.Timeout))
	}
	if next.RawNetmask == 0 && s.Timeout > 0 && (s.RawNetmask != 0 || s.Netmask < s.Family.Bits() && next.Netmask == s.Family.Bits()) {
		list = append(list, "persistence netmask "+s.NetmaskText())
	}
	return list
}

// DescribeFlags lists what the flags of the service do: "one-packet scheduling", "scheduler
// flags sh-port,sh-fallback", and "flags 0x100" for those without a name here.
func (s Service) DescribeFlags() []string {
	var list []string
	if s.Flags&OnePacket != 0 {
		list = append(list, "one-packet scheduling")
	}
	if names := s.schedulerFlags(); names != nil {
		list = append(list, "scheduler flags "+strings.Join(names, ","))
	}
	if other := s.Flags &^ (OnePacket | schedulerFlagsMask); other != 0 {
		list = append(list, fmt.Sprintf("flags %#x", other))
	}
	return list
}

// RemovedBy lists the properties of the destination that an edit to next removes: "upper
// threshold 100".
func (d Destination) RemovedBy(next Destination) []string {
	var list []string
	if d.UpperThreshold > 0 && next.UpperThreshold == 0 {
		list = append(list, fmt.Sprintf("upper threshold %d", d.UpperThreshold))
	}
	if d.LowerThreshold > 0 && next.LowerThreshold == 0 {
		list = append(list, fmt.Sprintf("lower threshold %d", d.LowerThreshold))
	}
	if d.Tunnel != (Tunnel{}) && next.Tunnel == (Tunnel{}) {
		list = append(list, "tunnel "+d.Tunnel.String())
	}
	return list
}
