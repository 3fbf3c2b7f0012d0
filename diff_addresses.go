package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// An addressPlan is what becomes of VIP addresses on devices.
type addressPlan struct {
	come, gone []hostaddr.Address
	there      []hostaddr.Address // all that devices have, whoever made them
}

// diffAddresses leaves alone what lvsmark did not make: an address that was there
// before serves the VIP as well, and stays when lvsmark goes.
func (p *Plan) diffAddresses(have *State, want *Desired) error {
	there := make(map[hostaddr.Address]bool, len(have.addresses))
	for _, a := range have.addresses {
		there[a.Address] = true
	}
	desired := make(map[hostaddr.Address]bool, len(want.addresses))
	for _, a := range want.addresses {
		if err := have.devices[a.Device]; err != nil {
			return fmt.Errorf("vip-device %s of VIP %s: %w; `ip link` lists the devices there are", a.Device, a.IP, err)
		}
		if !there[a] {
			p.addresses.come = append(p.addresses.come, a)
		}
		desired[a] = true
	}
	for _, a := range have.addresses {
		p.addresses.there = append(p.addresses.there, a.Address)
		if a.Ours && !desired[a.Address] {
			p.addresses.gone = append(p.addresses.gone, a.Address)
		}
	}
	return nil
}
