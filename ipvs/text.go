package ipvs

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// Text returns the services as input for `ipvsadm -R`, in the given order and in the format
// of `ipvsadm -Sn` (ipvsadm 1.31), with two exceptions because ipvsadm cannot read all of
// its output: marks are unsigned, and connection thresholds are included.
func Text(services []VirtualService) string {
	var b strings.Builder
	for _, service := range services {
		fmt.Fprintf(&b, "-A %s %s\n", service.Key.flags(), service.Service.flags())
		for _, dest := range service.Destinations {
			fmt.Fprintf(&b, "-a %s -r %s\n", service.Key.flags(), dest.flags())
		}
	}
	return b.String()
}

// flags returns, for example, "-f 21 -6".
func (k Key) flags() string {
	if k.Family == config.IPv6 {
		return fmt.Sprintf("-f %d -6", k.Mark)
	}
	return fmt.Sprintf("-f %d", k.Mark)
}

// flags returns, for example, "-s wlc -p 300 -M 255.255.255.0".
func (s Service) flags() string {
	words := []string{"-s", s.SchedName}
	if s.Timeout > 0 {
		words = append(words, "-p", fmt.Sprint(int64(s.Timeout/time.Second)))
		if s.RawNetmask != 0 || s.Netmask != s.Family.Bits() {
			words = append(words, "-M", s.NetmaskText())
		}
	}
	if s.PEName != "" {
		words = append(words, "--pe", s.PEName)
	}
	if s.Flags&OnePacket != 0 {
		words = append(words, "-o")
	}
	if names := s.schedulerFlags(); names != nil {
		words = append(words, "-b", strings.Join(names, ","))
	}
	return strings.Join(words, " ")
}

// NetmaskText returns a prefix length for IPv6 and a dotted mask for IPv4, as ipvsadm
// and keepalived require.
func (s Service) NetmaskText() string {
	if s.Family == config.IPv6 {
		return fmt.Sprint(s.Netmask)
	}
	if s.RawNetmask != 0 {
		return net.IP(binary.BigEndian.AppendUint32(nil, s.RawNetmask)).String()
	}
	return net.IP(net.CIDRMask(s.Netmask, 32)).String()
}

func (s Service) schedulerFlags() []string {
	known := [3]string{"flag-1", "flag-2", "flag-3"}
	if s.SchedName == "sh" || s.SchedName == "mh" {
		known[0], known[1] = s.SchedName+"-fallback", s.SchedName+"-port"
	}
	var names []string
	for i, name := range known {
		if s.Flags&(SHFallback<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// flags returns, for example, "10.0.0.11:0 -m -w 1".
func (d Destination) flags() string {
	words := []string{netip.AddrPortFrom(d.Address, d.Port).String(), d.methodFlag(), "-w", fmt.Sprint(d.Weight)}
	if d.UpperThreshold != 0 {
		words = append(words, "-x", fmt.Sprint(d.UpperThreshold))
	}
	if d.LowerThreshold != 0 {
		words = append(words, "-y", fmt.Sprint(d.LowerThreshold))
	}
	if d.Forwarding == config.Tunnel && d.RawForwarding == 0 {
		words = append(words, d.Tunnel.flags()...)
	}
	return strings.Join(words, " ")
}

// methodFlag returns -g for methods without a flag too: ipvsadm cannot set them.
func (d Destination) methodFlag() string {
	switch {
	case d.RawForwarding != 0 || d.Forwarding == config.Direct:
		return "-g"
	case d.Forwarding == config.Tunnel:
		return "-i"
	default:
		return "-m"
	}
}

func (e Tunnel) flags() []string {
	words := []string{"--tun-type"}
	switch e.Type {
	case tunnelIPIP:
		return append(words, "ipip")
	case tunnelGUE:
		words = append(words, "gue", "--tun-port", fmt.Sprint(e.Port))
	case tunnelGRE:
		words = append(words, "gre")
	default:
		words = append(words, fmt.Sprint(e.Type))
	}
	switch e.Flags {
	case 0:
		return append(words, "--tun-nocsum")
	case tunnelChecksum:
		return append(words, "--tun-csum")
	case tunnelRemoteChecksum:
		return append(words, "--tun-remcsum")
	default:
		return append(words, fmt.Sprintf("--tun-flags-%#x", e.Flags))
	}
}
