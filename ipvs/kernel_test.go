package ipvs_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
)

// withIPVS runs f in a network namespace without IPVS services.
func withIPVS(t *testing.T, f func()) {
	t.Helper()
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		f()
	})
}

// saved returns the output of `ipvsadm -Sn` in canonical form.
func saved(t *testing.T) string {
	t.Helper()
	return canonical(scratch.Run(t, "", "ipvsadm", "-Sn"))
}

var signedMark = regexp.MustCompile(`-f (-\d+)`)

// canonical sorts lines, as the order of ipvsadm differs, and makes marks unsigned:
// ipvsadm prints marks from 0x80000000 as negative numbers and cannot read them back.
func canonical(text string) string {
	text = signedMark.ReplaceAllStringFunc(text, func(s string) string {
		mark, _ := strconv.ParseInt(s[len("-f "):], 10, 64)
		return fmt.Sprint("-f ", uint32(mark))
	})
	lines := slices.Collect(strings.Lines(text))
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func services(t *testing.T, conn *ipvs.Conn) []ipvs.VirtualService {
	t.Helper()
	list, err := conn.Services()
	require.NoError(t, err)
	return list
}

// apply makes all changes and returns those that undo them.
func apply(t *testing.T, conn *ipvs.Conn, changes []ipvs.Change) (undo []ipvs.Change) {
	t.Helper()
	answers := conn.Apply(changes...)
	require.Len(t, answers, len(changes))
	for i, c := range slices.Backward(changes) {
		require.NoError(t, answers[i], c)
		undo = append(undo, c.Inverse())
	}
	return undo
}

const foreign = `-A -t 192.0.2.1:80 -s wlc -p 60
-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1
-A -u [2001:db8::53]:53 -s rr
-a -u [2001:db8::53]:53 -r [2001:db8::9]:53 -g -w 1
`

// TestTextAgainstIpvsadm: services that ipvsadm loads from Text are read back equal, and
// ipvsadm prints the same text.
func TestTextAgainstIpvsadm(t *testing.T) {
	withIPVS(t, func() {
		r := rand.New(rand.NewPCG(3, 4))
		conn := open(t)
		for i := range 25 {
			want := randomServices(r)
			text := foreign + ipvs.Text(want)
			scratch.Run(t, text, "ipvsadm", "-R")
			require.Equal(t, want, services(t, conn), "round %d: %s", i, text)
			require.Equal(t, canonical(text), saved(t), "round %d", i)
			scratch.Run(t, "", "ipvsadm", "-C")
		}
	})
}

// TestRenderedSpecAgainstIpvsadm does the same with a spec, whose order Text keeps.
func TestRenderedSpecAgainstIpvsadm(t *testing.T) {
	withIPVS(t, func() {
		want := ipvs.Compile(parse(t, twoFamilies))
		scratch.Run(t, ipvs.Text(want), "ipvsadm", "-R")
		assert.Equal(t, canonical(ipvs.Text(want)), saved(t))
		assert.Empty(t, ipvs.Diff(services(t, open(t)), want))
	})
}

// TestChangesAgainstIpvsadm: changes lead to the same services as ipvsadm with Text, for
// new services and for edits, and their inverses undo them. Services keyed by address and
// port stay unchanged.
func TestChangesAgainstIpvsadm(t *testing.T) {
	withIPVS(t, func() {
		r := rand.New(rand.NewPCG(5, 6))
		conn := open(t)
		scratch.Run(t, foreign, "ipvsadm", "-R")
		var previous []ipvs.VirtualService
		for i := range 15 {
			want := randomServices(r)
			undo := apply(t, conn, ipvs.Diff(services(t, conn), want))
			require.Equal(t, want, services(t, conn), "round %d", i)
			require.Equal(t, canonical(foreign+ipvs.Text(want)), saved(t), "round %d", i)
			require.Empty(t, ipvs.Diff(services(t, conn), want), "round %d", i)

			apply(t, conn, undo)
			require.Equal(t, previous, services(t, conn), "round %d", i)
			apply(t, conn, ipvs.Diff(previous, want))
			previous = want
		}
		apply(t, conn, ipvs.Diff(previous, nil))
		require.Equal(t, canonical(foreign), saved(t))
	})
}

// TestHandMadeServiceSurvives: an undo restores all fields of a service made by hand, also
// those that ipvsadm does not print.
func TestHandMadeServiceSurvives(t *testing.T) {
	withIPVS(t, func() {
		scratch.Run(t, ipvs.Text([]ipvs.VirtualService{handMade()}), "ipvsadm", "-R")
		conn := open(t)
		require.Equal(t, []ipvs.VirtualService{handMade()}, services(t, conn))

		local := ipvs.Destination{Address: netip.MustParseAddr("10.0.0.7"), Weight: 1, RawForwarding: 1}
		add := ipvs.Change{Op: ipvs.AddDestination, Service: handMade().Service, After: local}
		apply(t, conn, []ipvs.Change{add})
		require.Contains(t, services(t, conn)[0].Destinations, local)
		apply(t, conn, []ipvs.Change{add.Inverse()})

		plain := handMade()
		plain.Service = ipvs.Service{Key: plain.Key, SchedName: "wlc", Netmask: 32}
		plain.Destinations = []ipvs.Destination{{Address: plain.Destinations[0].Address, Weight: 1}}
		undo := apply(t, conn, ipvs.Diff(services(t, conn), []ipvs.VirtualService{plain}))
		assert.Equal(t, []ipvs.VirtualService{plain}, services(t, conn))
		apply(t, conn, undo)
		assert.Equal(t, []ipvs.VirtualService{handMade()}, services(t, conn))
	})
}

// TestNetmaskWithoutPersistence: the netmask of a service without persistence has no
// effect, and ipvsadm neither prints nor sets it: no difference.
func TestNetmaskWithoutPersistence(t *testing.T) {
	withIPVS(t, func() {
		scratch.Run(t, "", "ipvsadm", "-A", "-f", "21", "-s", "rr", "-M", "255.0.0.0")
		assert.Equal(t, []ipvs.VirtualService{{Service: ipvs.Service{
			Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "rr", Netmask: 32,
		}}}, services(t, open(t)))
	})
}

// TestEditsInPlace: one edit changes a property of a service or destination and keeps all
// others.
func TestEditsInPlace(t *testing.T) {
	base := ipvs.Compile(parse(t, twoFamilies))[:1]
	for name, edit := range map[string]func(*ipvs.VirtualService){
		"scheduler":         func(s *ipvs.VirtualService) { s.SchedName = "mh" },
		"persistence":       func(s *ipvs.VirtualService) { s.Timeout = time.Second },
		"persistence off":   func(s *ipvs.VirtualService) { s.Timeout, s.Netmask = 0, 32 },
		"netmask":           func(s *ipvs.VirtualService) { s.Netmask = 8 },
		"netmask 0":         func(s *ipvs.VirtualService) { s.Netmask = 0 },
		"one packet":        func(s *ipvs.VirtualService) { s.Flags = ipvs.OnePacket },
		"weight":            func(s *ipvs.VirtualService) { s.Destinations[1].Weight = 0 },
		"forwarding nat":    func(s *ipvs.VirtualService) { s.Destinations[1].Forwarding = config.NAT },
		"forwarding tunnel": func(s *ipvs.VirtualService) { s.Destinations[1].Forwarding = config.Tunnel },
		"thresholds": func(s *ipvs.VirtualService) {
			s.Destinations[1].UpperThreshold, s.Destinations[1].LowerThreshold = 65535, 7
		},
	} {
		t.Run(name, func(t *testing.T) {
			withIPVS(t, func() {
				conn := open(t)
				apply(t, conn, ipvs.Diff(nil, base))
				before := services(t, conn)

				want := services(t, conn)
				slices.SortFunc(want[0].Destinations, func(a, b ipvs.Destination) int { return a.Address.Compare(b.Address) })
				edit(&want[0])
				changes := ipvs.Diff(before, want)
				require.Len(t, changes, 1)
				assert.Equal(t, "edit", changes[0].Verb())
				undo := apply(t, conn, changes)
				assert.Equal(t, want, services(t, conn))
				apply(t, conn, undo)
				assert.Equal(t, before, services(t, conn))
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		want := ipvs.Compile(parse(t, twoFamilies))[:1]
		service, dest := want[0].Service, want[0].Destinations[0]
		other := dest
		other.Address = netip.MustParseAddr("10.0.0.99")
		noScheduler, noService := service, service
		noScheduler.SchedName = "nosuch"
		noService.Mark = 99
		v6 := dest
		v6.Address = netip.MustParseAddr("2001:db8::1")
		apply(t, conn, ipvs.Diff(nil, want))

		for _, tt := range []struct {
			change ipvs.Change
			errno  unix.Errno
			text   string
		}{
			{
				ipvs.Change{Op: ipvs.AddService, Service: service},
				unix.EEXIST,
				"add service fwmark 21 IPv4: file exists (it exists already: another process has added it)",
			},
			{
				ipvs.Change{Op: ipvs.EditService, Previous: service, Service: noScheduler},
				unix.ENOENT,
				`edit service fwmark 21 IPv4: no such file or directory (scheduler "nosuch" needs the module ip_vs_nosuch: try "modprobe ip_vs_nosuch")`,
			},
			{
				ipvs.Change{Op: ipvs.EditService, Previous: noService, Service: noService},
				unix.ESRCH,
				"edit service fwmark 99 IPv4: no such process (the service does not exist: another process has deleted it)",
			},
			{
				ipvs.Change{Op: ipvs.DelService, Service: noService},
				unix.ESRCH,
				"delete service fwmark 99 IPv4: no such process (the service does not exist: another process has deleted it)",
			},
			{
				ipvs.Change{Op: ipvs.AddDestination, Service: service, After: dest},
				unix.EEXIST,
				"add real server 10.0.0.12 of fwmark 21 IPv4: file exists (it exists already: another process has added it)",
			},
			{
				ipvs.Change{Op: ipvs.EditDestination, Service: service, Before: other, After: other},
				unix.ENOENT,
				"edit real server 10.0.0.99 of fwmark 21 IPv4: no such file or directory (the service has no such real server: another process has deleted it)",
			},
			{
				ipvs.Change{Op: ipvs.DelDestination, Service: service, Before: other},
				unix.ENOENT,
				"delete real server 10.0.0.99 of fwmark 21 IPv4: no such file or directory (the service has no such real server: another process has deleted it)",
			},
			{
				ipvs.Change{Op: ipvs.AddDestination, Service: service, After: v6},
				unix.EINVAL,
				"add real server 2001:db8::1 of fwmark 21 IPv4: invalid argument (a real server of the other address family needs tunnel forwarding, without a sync daemon)",
			},
		} {
			err := conn.Apply(tt.change)[0]
			require.ErrorIs(t, err, tt.errno, tt.change)
			assert.EqualError(t, err, tt.text)
		}
		assert.Empty(t, ipvs.Diff(services(t, conn), want), "a refusal changes nothing")
	})
}

// TestRefusalWithoutAddresses: in a namespace without any address, IPVS refuses IPv4
// destinations.
func TestRefusalWithoutAddresses(t *testing.T) {
	need.IPVS(t)
	scratch.Do(t, func() {
		conn := open(t)
		changes := ipvs.Diff(nil, ipvs.Compile(parse(t, twoFamilies))[:1])
		apply(t, conn, changes[:1])
		err := conn.Apply(changes[1:]...)[0]
		require.ErrorIs(t, err, unix.EINVAL)
		assert.ErrorContains(t, err, "is lo up?")
	})
}

// TestManyServices: a dump of many services has several messages.
func TestManyServices(t *testing.T) {
	withIPVS(t, func() {
		var want []ipvs.VirtualService
		for mark := range uint32(700) {
			want = append(want, ipvs.VirtualService{
				Service: ipvs.Service{Key: ipvs.Key{Mark: mark + 1, Family: config.IPv4}, SchedName: "rr", Netmask: 32},
			})
		}
		for i := range 300 {
			address := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
			want[7].Destinations = append(want[7].Destinations, ipvs.Destination{Address: address, Weight: i})
		}
		conn := open(t)
		apply(t, conn, ipvs.Diff(nil, want))
		assert.Equal(t, want, services(t, conn))
	})
}
