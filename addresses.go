package lvsmark

import (
	"fmt"
	"net"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// An addressPlan is what becomes of VIP addresses on devices.
type addressPlan struct {
	come, gone []hostaddr.Address
	there      []hostaddr.Address // all that devices have, whoever made them
}

// compareAddresses leaves alone what it did not make: an address that was there
// before serves the VIP as well, and stays when lvsmark goes.
func compareAddresses(want []hostaddr.Address) (addressPlan, error) {
	var p addressPlan
	have, err := hostaddr.Read()
	if err != nil {
		return p, err
	}
	there := make(map[hostaddr.Address]bool, len(have))
	for _, a := range have {
		there[a.Address] = true
	}
	wanted := make(map[hostaddr.Address]bool, len(want))
	known := map[string]bool{}
	for _, address := range want {
		if !known[address.Device] {
			if _, err := net.InterfaceByName(address.Device); err != nil {
				return p, fmt.Errorf("vip-device %s of VIP %s: %w; `ip link` lists the devices there are", address.Device, address.IP, err)
			}
			known[address.Device] = true
		}
		if !there[address] {
			p.come = append(p.come, address)
		}
		wanted[address] = true
	}
	for _, a := range have {
		p.there = append(p.there, a.Address)
		if a.Ours && !wanted[a.Address] {
			p.gone = append(p.gone, a.Address)
		}
	}
	return p, nil
}
