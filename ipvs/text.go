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

// Text returns the services as `ipvsadm -R` reads them, in the given order and
// in the form in which `ipvsadm -Sn` prints them (ipvsadm 1.31). There are two
// exceptions, since ipvsadm cannot read back all that it prints: marks are
// unsigned here, and connection thresholds are there.
func Text(services []VirtualService) string {
	var b strings.Builder
	for _, service := range services {
		fmt.Fprintf(&b, "-A %s %s\n", service.Key.flags(), service.Service.flags())
		for _, server := range service.Destinations {
			fmt.Fprintf(&b, "-a %s -r %s\n", service.Key.flags(), server.flags())
		}
	}
	return b.String()
}

// flags is as in "-f 21 -6".
func (k Key) flags() string {
	if k.Family == config.IPv6 {
		return fmt.Sprintf("-f %d -6", k.Mark)
	}
	return fmt.Sprintf("-f %d", k.Mark)
}

// flags is as in "-s wlc -p 300 -M 255.255.255.0".
func (h Service) flags() string {
	words := []string{"-s", h.Scheduler}
	if h.Persistence > 0 {
		words = append(words, "-p", fmt.Sprint(int64(h.Persistence/time.Second)))
		if h.RawNetmask != 0 || h.Netmask != h.Family.Bits() {
			words = append(words, "-M", h.netmask())
		}
	}
	if h.PersistenceEngine != "" {
		words = append(words, "--pe", h.PersistenceEngine)
	}
	if h.Flags&OnePacket != 0 {
		words = append(words, "-o")
	}
	if names := h.schedulerFlags(); names != nil {
		words = append(words, "-b", strings.Join(names, ","))
	}
	return strings.Join(words, " ")
}

// netmask is a prefix length in IPv6 and a dotted mask in IPv4, as ipvsadm
// wants it.
func (h Service) netmask() string {
	if h.Family == config.IPv6 {
		return fmt.Sprint(h.Netmask)
	}
	if h.RawNetmask != 0 {
		return net.IP(binary.BigEndian.AppendUint32(nil, h.RawNetmask)).String()
	}
	return net.IP(net.CIDRMask(h.Netmask, 32)).String()
}

func (h Service) schedulerFlags() []string {
	known := [3]string{"flag-1", "flag-2", "flag-3"}
	if h.Scheduler == "sh" || h.Scheduler == "mh" {
		known[0], known[1] = h.Scheduler+"-fallback", h.Scheduler+"-port"
	}
	var names []string
	for i, name := range known {
		if h.Flags&(SHFallback<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// flags is as in "10.0.0.11:0 -m -w 1".
func (s Destination) flags() string {
	words := []string{netip.AddrPortFrom(s.Address, s.Port).String(), s.methodFlag(), "-w", fmt.Sprint(s.Weight)}
	if s.UpperThreshold != 0 {
		words = append(words, "-x", fmt.Sprint(s.UpperThreshold))
	}
	if s.LowerThreshold != 0 {
		words = append(words, "-y", fmt.Sprint(s.LowerThreshold))
	}
	if s.Forwarding == config.Tunnel && s.RawForwarding == 0 {
		words = append(words, s.Encapsulation.flags()...)
	}
	return strings.Join(words, " ")
}

// methodFlag is -g too for methods that have no flag: ipvsadm cannot set them.
func (s Destination) methodFlag() string {
	switch {
	case s.RawForwarding != 0 || s.Forwarding == config.Direct:
		return "-g"
	case s.Forwarding == config.Tunnel:
		return "-i"
	default:
		return "-m"
	}
}

// Tunnel types of linux/ip_vs.h that ipvsadm has a name for.
const (
	tunnelIPIP = 0
	tunnelGUE  = 1
	tunnelGRE  = 2
)

func (e Encapsulation) flags() []string {
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
	case 1:
		return append(words, "--tun-csum")
	case 2:
		return append(words, "--tun-remcsum")
	default:
		return append(words, fmt.Sprintf("--tun-flags-%#x", e.Flags))
	}
}
