package host

import (
	"errors"
	"net/netip"
	"os"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// ErrNoIPVS means that the kernel has not loaded IPVS.
var ErrNoIPVS = errors.New("IPVS is not loaded")

func readIPVS(spec *config.Spec) (state IPVS, err error) {
	if !ipvs.Loaded() {
		return state, ErrNoIPVS
	}
	conn, err := ipvs.Open()
	if err != nil {
		return state, err
	}
	defer conn.Close()
	if state.Services, err = conn.Services(); err != nil {
		return state, err
	}
	if state.AddressServices, err = conn.AddressServices(); err != nil {
		return state, err
	}
	if state.Timeouts, err = conn.Timeouts(); err != nil {
		return state, err
	}
	if table, err := os.Open(procNet + "ip_vs"); err == nil {
		state.TableSize = readTable(table)
		_ = table.Close()
	}
	if err := eachRow("ip_vs_conn", func([]string) { state.Entries++ }); err != nil {
		return state, err
	}
	state.Passive, err = passiveUse(spec)
	return state, err
}

// passiveUse counts the established data connections of each real server.
func passiveUse(spec *config.Spec) ([]PassiveUse, error) {
	uses := passiveRanges(spec)
	if len(uses) == 0 {
		return nil, nil
	}
	byServer := map[netip.Addr][]*passiveRange{}
	for i := range uses {
		byServer[uses[i].Server] = append(byServer[uses[i].Server], &uses[i])
	}
	for c, err := range ipvs.EachConnection() {
		if err != nil {
			return nil, err
		}
		for _, use := range byServer[c.RealServer.Addr()] {
			if use.has(c) {
				use.Used++
			}
		}
	}
	list := make([]PassiveUse, len(uses))
	for i, use := range uses {
		list[i] = use.PassiveUse
	}
	return list, nil
}

// A passiveRange is a PassiveUse with the ports and VIPs that count.
type passiveRange struct {
	PassiveUse
	ports []config.PortRange
	vips  []config.AddressRange
}

func (p *passiveRange) has(c ipvs.Connection) bool {
	port := config.PortRange{Protocol: c.Protocol, Low: c.VIP.Port(), High: c.VIP.Port()}
	return slices.ContainsFunc(p.ports, port.Overlaps) &&
		slices.ContainsFunc(p.vips, func(r config.AddressRange) bool { return r.Contains(c.VIP.Addr()) })
}

// passiveRanges returns the real servers of FTP clusters with the passive ports of their
// binding.
func passiveRanges(spec *config.Spec) (list []passiveRange) {
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			if b.Cluster.FTP == nil {
				continue
			}
			ports := slices.DeleteFunc(slices.Clone(b.Ports), func(r config.PortRange) bool {
				return !slices.ContainsFunc(b.Cluster.FTP.PassivePorts, r.Overlaps)
			})
			width := 0
			for _, r := range ports {
				width += r.Width()
			}
			if width == 0 {
				continue // the control connections of shards
			}
			for _, s := range b.RealServers {
				list = append(list, passiveRange{PassiveUse{b.Cluster.Name, s.Address, 0, width}, ports, b.VIPs})
			}
		}
	}
	return list
}
