package ipvs

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestServiceRemovedBy: an edit names each property that it removes, and none that it keeps or
// adds.
func TestServiceRemovedBy(t *testing.T) {
	plain := Service{Key: Key{Mark: 5, Family: config.IPv4}, SchedName: "sh", Netmask: 32}
	with := func(change func(*Service)) Service { s := plain; change(&s); return s }
	for want, s := range map[string]Service{
		"one-packet scheduling":               with(func(s *Service) { s.Flags = OnePacket }),
		"scheduler flags sh-fallback,sh-port": with(func(s *Service) { s.Flags = SHFallback | SHPort }),
		"flags 0x100":                         with(func(s *Service) { s.Flags = 0x100 }),
		"persistence engine sip":              with(func(s *Service) { s.PEName = "sip" }),
		"persistence of 1s":                   with(func(s *Service) { s.Timeout = time.Second }),
		"persistence of 10s":                  with(func(s *Service) { s.Timeout = 10 * time.Second }),
	} {
		assert.Empty(t, plain.RemovedBy(s), "added")
		assert.Empty(t, s.RemovedBy(s), "kept")
		assert.Equal(t, []string{want}, s.RemovedBy(plain))
	}
	unused := with(func(s *Service) { s.RawNetmask = 0xff00ff00 })
	assert.Empty(t, unused.RemovedBy(plain), "a netmask without persistence has no effect")
}

// TestNetmaskRemovedBy: a netmask of persistence is removed by an edit to the full length, not by
// one to another netmask.
func TestNetmaskRemovedBy(t *testing.T) {
	persistent := func(netmask int, raw uint32) Service {
		return Service{Key: Key{Mark: 5, Family: config.IPv4}, Timeout: time.Minute, Netmask: netmask, RawNetmask: raw}
	}
	for _, c := range []struct {
		have, next Service
		want       []string
	}{
		{persistent(24, 0), persistent(32, 0), []string{"persistence netmask 255.255.255.0"}},
		{persistent(24, 0), persistent(16, 0), nil},
		{persistent(24, 0), persistent(0, 0xff00ff00), nil},
		{persistent(32, 0), persistent(32, 0), nil},
		{persistent(32, 0), persistent(24, 0), nil},
		{persistent(0, 0xff00ff00), persistent(32, 0), []string{"persistence netmask 255.0.255.0"}},
		{persistent(0, 0xff00ff00), persistent(24, 0), []string{"persistence netmask 255.0.255.0"}},
		{persistent(0, 0xff00ff00), persistent(0, 0xff0000ff), nil},
	} {
		assert.Equal(t, c.want, c.have.RemovedBy(c.next), "%+v %+v", c.have, c.next)
	}
}

// TestDestinationRemovedBy: as TestServiceRemovedBy, for a real server.
func TestDestinationRemovedBy(t *testing.T) {
	plain := Destination{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1, Forwarding: config.Tunnel}
	with := func(change func(*Destination)) Destination { d := plain; change(&d); return d }
	for want, d := range map[string]Destination{
		"upper threshold 100":                                    with(func(d *Destination) { d.UpperThreshold = 100 }),
		"upper threshold 1":                                      with(func(d *Destination) { d.UpperThreshold = 1 }),
		"lower threshold 1":                                      with(func(d *Destination) { d.LowerThreshold = 1 }),
		"lower threshold 70":                                     with(func(d *Destination) { d.LowerThreshold = 70 }),
		"tunnel " + Tunnel{Type: tunnelGRE}.String():             with(func(d *Destination) { d.Tunnel = Tunnel{Type: tunnelGRE} }),
		"tunnel " + Tunnel{Type: tunnelGUE, Port: 6080}.String(): with(func(d *Destination) { d.Tunnel = Tunnel{Type: tunnelGUE, Port: 6080} }),
	} {
		assert.Equal(t, []string{want}, d.RemovedBy(plain))
		assert.Empty(t, plain.RemovedBy(d), "added")
		assert.Empty(t, d.RemovedBy(d), "kept")
	}
	gre, gue := with(func(d *Destination) { d.Tunnel.Type = tunnelGRE }), with(func(d *Destination) { d.Tunnel.Type = tunnelGUE })
	assert.Empty(t, gre.RemovedBy(gue), "changed")
}
