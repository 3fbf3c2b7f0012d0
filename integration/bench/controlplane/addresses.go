package controlplane

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// device is the device with the VIPs.
const device = "vip0"

// addresses compares a first apply with VIPs on a device with the two programs that
// load the same marks and addresses. It has fewer VIPs than the others, because the
// kernel searches all addresses of the device for each new one.
func (b *bench) addresses() ([]measure.Row, error) {
	s, err := b.site(shape{clusters: 1, vips: b.sized(1_000), servers: 2, onDevice: true})
	if err != nil {
		return nil, err
	}
	name := "first apply of " + s.String() + " on a device"
	samples, err := b.compare(name, 15,
		namedTask{"lvsmark apply", onDevice(s, b.do("apply", s))},
		namedTask{"nft -f, ip -batch", onDevice(s,
			process.Command{Args: []string{"nft", "-f", s.nft}},
			process.Command{Args: []string{"ip", "-batch", s.batch}})},
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{samples.Ratio(times(name, "lvsmark apply", "nft -f, ip -batch", measure.Bar{}))}, nil
}

// onDevice runs programs in sequence, on a director that has the device.
func onDevice(s *site, programs ...process.Command) func(*director) (task, error) {
	return func(d *director) (task, error) {
		return task{
			before: func() error { return errors.Join(d.run("ip", "address", "flush", "dev", device), d.clear()) },
			run: func() (sum time.Duration, err error) {
				for _, program := range programs {
					took, err := program.Time(d.Namespace)
					if err != nil {
						return 0, err
					}
					sum += took
				}
				return sum, nil
			},
			after: func() error { return errors.Join(d.checkMarks(s), d.checkAddresses(s.vips)) },
		}, d.run("ip", "link", "add", device, "type", "veth", "peer", "name", "vip1")
	}
}

// checkAddresses checks the number of VIPs on the device.
func (d *director) checkAddresses(vips int) error {
	text, err := d.Run("", "ip", "-o", "-4", "address", "show", "dev", device)
	if n := strings.Count(text, "/32 "); err == nil && n != vips {
		err = fmt.Errorf("%d addresses are on the device, not %d", n, vips)
	}
	return err
}

// ipBatch returns the input of `ip -batch` that adds the VIPs to the device.
func (s *site) ipBatch() string {
	var b strings.Builder
	for _, c := range s.spec.Clusters {
		for _, vip := range c.VIPs {
			fmt.Fprintf(&b, "address add %s/32 dev %s\n", vip, device)
		}
	}
	return b.String()
}
