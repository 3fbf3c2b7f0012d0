package ipvs_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestEditTexts edits each field of a service and of a real server, also those for which
// ipvsadm prints nothing: the texts before and after are never equal.
func TestEditTexts(t *testing.T) {
	service := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "wlc", Netmask: 32}
	persistent := service
	persistent.Timeout = 300 * time.Second
	for _, have := range []ipvs.Service{service, persistent} {
		for _, name := range []string{"SchedName", "Timeout", "Netmask", "RawNetmask", "Flags", "PEName"} {
			want := have
			alter(reflect.ValueOf(&want).Elem().FieldByName(name))
			distinct(t, name, ipvs.Diff([]ipvs.VirtualService{{Service: have}}, []ipvs.VirtualService{{Service: want}}))
		}
	}
	for _, forwarding := range []config.Forwarding{config.NAT, config.Direct, config.Tunnel} {
		have := ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Weight: 1, Forwarding: forwarding}
		for _, name := range []string{"Weight", "RawForwarding", "UpperThreshold", "LowerThreshold", "Tunnel.Type", "Tunnel.Port", "Tunnel.Flags"} {
			want := have
			value := reflect.ValueOf(&want).Elem()
			if name[:3] == "Tun" {
				value, name = value.FieldByName("Tunnel"), name[len("Tunnel."):]
			}
			alter(value.FieldByName(name))
			distinct(t, name, ipvs.Diff(
				[]ipvs.VirtualService{{Service: service, Destinations: []ipvs.Destination{have}}},
				[]ipvs.VirtualService{{Service: service, Destinations: []ipvs.Destination{want}}},
			))
		}
	}
}

// TestTunnelText: a port and flags without an argument of ipvsadm are in the text only if they
// are set.
func TestTunnelText(t *testing.T) {
	const ipip, gue, gre = 0, 1, 2
	for _, c := range []struct {
		before, after ipvs.Tunnel
		want          string
	}{
		{ipvs.Tunnel{Type: ipip}, ipvs.Tunnel{Type: gre}, "--tun-type ipip -> --tun-type gre --tun-nocsum"},
		{ipvs.Tunnel{Type: gue, Port: 6080}, ipvs.Tunnel{Type: gue, Port: 1, Flags: 1}, "--tun-type gue --tun-port 6080 --tun-nocsum -> --tun-type gue --tun-port 1 --tun-csum"},
		{ipvs.Tunnel{Type: gre, Port: 1}, ipvs.Tunnel{Type: gre, Flags: 2}, "--tun-type gre --tun-nocsum, port 1, flags 0x0 -> --tun-type gre --tun-remcsum"},
		{ipvs.Tunnel{Type: ipip, Port: 1}, ipvs.Tunnel{Type: ipip, Flags: 1}, "--tun-type ipip, port 1, flags 0x0 -> --tun-type ipip, port 0, flags 0x1"},
	} {
		dest := ipvs.Destination{Address: netip.MustParseAddr("10.0.0.11"), Forwarding: config.Tunnel, Tunnel: c.before}
		edited := dest
		edited.Tunnel = c.after
		change := ipvs.Change{Op: ipvs.EditDestination, Service: ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}}, Before: dest, After: edited}
		assert.Equal(t, "real server 10.0.0.11 of fwmark 21 IPv4: encapsulation "+c.want, change.String())
	}
}

// alter changes a field.
func alter(field reflect.Value) {
	switch field.Kind() {
	case reflect.String:
		field.SetString(field.String() + "x")
	case reflect.Int, reflect.Int64:
		if field.Type() == reflect.TypeFor[time.Duration]() {
			field.SetInt(field.Int() + int64(time.Second))
			return
		}
		field.SetInt(field.Int() - 1)
	default:
		field.SetUint(field.Uint() + 1)
	}
}

func distinct(t *testing.T, name string, changes []ipvs.Change) {
	t.Helper()
	assert.Len(t, changes, 1, name)
	for _, c := range changes {
		assert.NotEqual(t, c.BeforeText(), c.AfterText(), name)
		assert.NotContains(t, c.AfterText(), "()", name)
	}
}
