package lvsmark

import (
	"fmt"
	"net"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
)

// An addressPlan is what becomes of VIP addresses on devices.
type addressPlan struct {
	come, gone []ipvs.Address
	there      []ipvs.Address // all that devices have, whoever made them
}

// compareAddresses leaves alone what it did not make: an address that was there
// before serves the VIP as well, and stays when lvsmark goes.
func compareAddresses(want []ipvs.Address) (addressPlan, error) {
	var p addressPlan
	have, err := ipvs.ReadAddresses()
	if err != nil {
		return p, err
	}
	for _, address := range want {
		if _, err := net.InterfaceByName(address.Device); err != nil {
			return p, fmt.Errorf("vip-device %s of VIP %s: %w; `ip link` lists the devices there are", address.Device, address.IP, err)
		}
		if !slices.ContainsFunc(have, func(a ipvs.LocalAddress) bool { return a.Address == address }) {
			p.come = append(p.come, address)
		}
	}
	for _, a := range have {
		p.there = append(p.there, a.Address)
		if a.Ours && !slices.Contains(want, a.Address) {
			p.gone = append(p.gone, a.Address)
		}
	}
	return p, nil
}
