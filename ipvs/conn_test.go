package ipvs

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// sipService returns a service with all fields, and two destinations.
func sipService(mark uint32) VirtualService {
	return VirtualService{
		Service: Service{
			Key: Key{Mark: mark, Family: config.IPv4}, SchedName: "sh", Timeout: 5 * time.Minute, Netmask: 24, PEName: "sip", Flags: OnePacket | SHPort,
		},
		Destinations: []Destination{
			{Address: netip.MustParseAddr("10.0.0.11"), Weight: 3, Forwarding: config.Tunnel, UpperThreshold: 10, LowerThreshold: 5, Tunnel: Tunnel{Type: tunnelGUE, Port: 6080, Flags: 1}},
			{Address: netip.MustParseAddr("10.0.0.11"), Port: 80, Weight: 2, Forwarding: config.Direct},
		},
	}
}

// byAddress is a service of another program, keyed by address and port.
func byAddress(port uint16) *fakeService {
	attributes := netlink.AppendNested(nil, attrService, func(b []byte) []byte {
		b = netlink.AppendUint16(b, serviceAF, unix.AF_INET)
		b = netlink.AppendUint16(b, serviceProtocol, unix.IPPROTO_TCP)
		b = netlink.AppendAttribute(b, serviceAddress, []byte{192, 0, 2, 1})
		return netlink.AppendBigEndian16(b, servicePort, port)
	})
	_, outer, _ := netlink.FirstAttribute(attributes)
	return &fakeService{key: keyIn(outer), attributes: attributes}
}

// TestApplyAndRead: services are read as they were made, sorted; services keyed by address
// are excluded.
func TestApplyAndRead(t *testing.T) {
	kernel := &fakeIPVS{services: []*fakeService{byAddress(80), byAddress(81)}}
	conn := kernel.conn(t)
	web := VirtualService{Service: Service{Key: Key{Mark: 7, Family: config.IPv6}, SchedName: "wlc", Netmask: 128}}
	want := []VirtualService{sipService(5), sipService(9), web}
	reversed := []VirtualService{want[2], sipService(9), sipService(5)}
	slices.Reverse(reversed[1].Destinations)
	for _, s := range reversed {
		changes := []Change{{Op: AddService, Service: s.Service}}
		for _, d := range s.Destinations {
			changes = append(changes, Change{Op: AddDestination, Service: s.Service, After: d})
		}
		require.NoError(t, errors.Join(conn.Apply(changes...)...))
	}
	got, err := conn.Services()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for _, err := range conn.Apply(Diff(want, nil)...) {
		require.NoError(t, err)
	}
	got, err = conn.Services()
	require.NoError(t, err)
	assert.Empty(t, got)
	assert.Len(t, kernel.services, 2)
}

// TestApplyStopsAfterRefusal: the changes of a batch are made also after a refusal, the
// next batch is not begun.
func TestApplyStopsAfterRefusal(t *testing.T) {
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	have := sipService(5)
	require.NoError(t, errors.Join(conn.Apply(Diff(nil, []VirtualService{have})...)...))
	kernel.requests = nil
	answers := conn.Apply(
		Change{Op: AddDestination, Service: have.Service, After: have.Destinations[0]},
		Change{Op: EditDestination, Service: have.Service, Before: have.Destinations[1], After: have.Destinations[1]},
		Change{Op: DelDestination, Service: have.Service, Before: have.Destinations[1]},
	)
	require.Len(t, answers, 2)
	require.ErrorIs(t, answers[0], ErrStale)
	require.ErrorIs(t, answers[0], unix.EEXIST)
	require.NoError(t, answers[1])
	assert.Equal(t, []uint8{cmdNewDest, cmdSetDest}, kernel.commands())
	assert.Empty(t, conn.Apply())
}

// TestBatches: a batch has no change that depends on another one, and none that ends
// connections beside another.
func TestBatches(t *testing.T) {
	service := func(mark uint32) Service { return Service{Key: Key{Mark: mark, Family: config.IPv4}} }
	change := func(op Op, mark uint32) Change { return Change{Op: op, Service: service(mark)} }
	many := make([]Change, netlink.BatchLimit+1)
	for i := range many {
		many[i] = change(EditService, uint32(i+1))
	}
	for name, c := range map[string]struct {
		changes []Change
		want    int
	}{
		"one":                            {many[:1], 1},
		"a full batch":                   {many[:netlink.BatchLimit], netlink.BatchLimit},
		"more":                           {many, netlink.BatchLimit},
		"a deletion first":               {[]Change{change(DelDestination, 1), change(EditService, 2)}, 1},
		"two deletions":                  {[]Change{change(DelService, 1), change(DelService, 2)}, 1},
		"a deletion later":               {[]Change{change(EditService, 1), change(EditService, 2), change(DelService, 3)}, 2},
		"a destination of a new service": {[]Change{change(AddService, 1), change(AddService, 2), change(AddDestination, 1)}, 2},
		"destinations of other services": {[]Change{change(AddService, 1), change(AddDestination, 2), change(AddDestination, 3)}, 3},
		"of an edited service":           {[]Change{change(EditService, 1), change(AddDestination, 1)}, 2},
	} {
		assert.Equal(t, c.want, batchLen(c.changes), name)
	}
}

// TestIsApplied reads the state before and after each change.
func TestIsApplied(t *testing.T) {
	full := sipService(5)
	empty := VirtualService{Service: full.Service}
	edited, heavier := full.Service, full.Destinations[0]
	edited.SchedName, heavier.Weight = "rr", 9
	for _, c := range []struct {
		before []VirtualService
		change Change
	}{
		{nil, Change{Op: AddService, Service: full.Service}},
		{[]VirtualService{full}, Change{Op: EditService, Previous: full.Service, Service: edited}},
		{[]VirtualService{empty}, Change{Op: DelService, Service: full.Service}},
		{[]VirtualService{empty}, Change{Op: AddDestination, Service: full.Service, After: full.Destinations[0]}},
		{[]VirtualService{full}, Change{Op: EditDestination, Service: full.Service, Before: full.Destinations[0], After: heavier}},
		{[]VirtualService{full}, Change{Op: DelDestination, Service: full.Service, Before: full.Destinations[0]}},
	} {
		conn := (&fakeIPVS{}).conn(t)
		require.NoError(t, errors.Join(conn.Apply(Diff(nil, c.before)...)...))
		applied, err := conn.IsApplied(c.change)
		require.NoError(t, err)
		assert.False(t, applied, "before %s", c.change)
		require.NoError(t, errors.Join(conn.Apply(c.change)...))
		applied, err = conn.IsApplied(c.change)
		require.NoError(t, err)
		assert.True(t, applied, "after %s", c.change)
	}
}

// TestIsAppliedWithoutService: a real server of a missing service does not exist.
func TestIsAppliedWithoutService(t *testing.T) {
	full := sipService(5)
	for op, want := range map[Op]bool{AddDestination: false, EditDestination: false, DelDestination: true} {
		applied, err := (&fakeIPVS{}).conn(t).IsApplied(Change{Op: op, Service: full.Service, Before: full.Destinations[0], After: full.Destinations[0]})
		require.NoError(t, err)
		assert.Equal(t, want, applied, op)
	}
}

// TestOmittedServices: the kernel omits services from dumps while other network namespaces
// change theirs. They are found by further dumps or by name.
func TestOmittedServices(t *testing.T) {
	for _, omitted := range []map[int]int{{}, {0: 1}, {0: 1, 1: 1}, {0: 1, 1: 2, 2: 3}, {2: 2 * maxLists}} {
		kernel := &fakeIPVS{omitted: map[string]int{}}
		conn := kernel.conn(t)
		want := []VirtualService{sipService(5), sipService(6), sipService(7)}
		require.NoError(t, errors.Join(conn.Apply(Diff(nil, want)...)...))
		for i, dumps := range omitted {
			kernel.omitted[kernel.services[i].key] = dumps
		}
		got, err := conn.Services(want[0].Key, want[1].Key, want[2].Key, Key{Mark: 99, Family: config.IPv4})
		require.NoError(t, err)
		assert.Equal(t, want, got, "%v", omitted)
	}
}

// TestListUntilComplete: list dumps again until there is nothing new, and reads by name what
// the last dump omits.
func TestListUntilComplete(t *testing.T) {
	kernel := &fakeIPVS{services: []*fakeService{byAddress(80), byAddress(81), byAddress(82)}}
	conn := kernel.conn(t)
	deleted := false
	dumps := 0
	kernel.answered = func(m netlink.Message) *netlink.Answer {
		all := [][]*fakeService{{kernel.services[0]}, kernel.services[:2], kernel.services[1:2]}
		switch {
		case m.Data[0] == cmdGetService && m.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP:
			part := &fakeIPVS{services: all[min(dumps, 2)]}
			dumps++
			a := part.dump()
			return &a
		case m.Data[0] == cmdGetService && deleted:
			return &netlink.Answer{Errno: unix.ESRCH}
		}
		return nil
	}
	all, err := conn.list()
	require.NoError(t, err)
	assert.Len(t, all, 2)
	assert.Equal(t, 3, dumps)
	deleted, dumps = true, 0
	all, err = conn.list()
	require.NoError(t, err)
	require.Len(t, all, 1, "one was deleted after its dump")
	assert.True(t, bytes.Equal(kernel.services[1].attributes, all[0].attributes))
}

// TestListGivesUp: the number of dumps is limited.
func TestListGivesUp(t *testing.T) {
	kernel, dumps := &fakeIPVS{}, 0
	conn := kernel.conn(t)
	kernel.answered = func(m netlink.Message) *netlink.Answer {
		if m.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP {
			dumps++
			kernel.services = append(kernel.services, byAddress(uint16(dumps)))
		}
		return nil
	}
	all, err := conn.list()
	require.NoError(t, err)
	assert.Equal(t, maxLists, dumps)
	assert.Len(t, all, maxLists)
}

// TestRefreshError: a service that the last dump omits cannot be read.
func TestRefreshError(t *testing.T) {
	kernel := &fakeIPVS{omitted: map[string]int{}}
	conn := kernel.conn(t)
	require.NoError(t, errors.Join(conn.Apply(Diff(nil, []VirtualService{sipService(5)})...)...))
	kernel.services = append(kernel.services, byAddress(80))
	for i, name := range []string{"service fwmark 5 IPv4", "an IPVS service keyed by address and port"} {
		dumps := 0
		kernel.answered = func(m netlink.Message) *netlink.Answer {
			if m.Data[0] != cmdGetService {
				return nil
			}
			if m.Flags&unix.NLM_F_DUMP != unix.NLM_F_DUMP {
				return &netlink.Answer{Errno: unix.EBUSY}
			}
			dumps++
			if dumps == 2 {
				return &netlink.Answer{}
			}
			a := fakeObjects(fakeFamily, kernel.services[i].attributes)
			return &a
		}
		_, err := conn.list()
		assert.EqualError(t, err, "read "+name+": device or resource busy")
	}
}

// TestDigest depends on each attribute of services and destinations that is configuration,
// and not on their order or on statistics.
func TestDigest(t *testing.T) {
	digest := func(services ...VirtualService) string {
		conn := (&fakeIPVS{services: []*fakeService{byAddress(80)}}).conn(t)
		for _, s := range services {
			require.NoError(t, errors.Join(conn.Apply(Diff(nil, []VirtualService{s})...)...))
		}
		d, err := conn.Digest()
		require.NoError(t, err)
		return d
	}
	a, b := sipService(5), sipService(6)
	first := digest(a, b)
	assert.Len(t, first, 64)
	assert.Equal(t, first, digest(b, a))
	reversed := sipService(5)
	reversed.Destinations[0], reversed.Destinations[1] = reversed.Destinations[1], reversed.Destinations[0]
	assert.Equal(t, first, digest(reversed, b))
	edited, heavier := sipService(5), sipService(5)
	edited.SchedName, heavier.Destinations[0].Weight = "rr", 9
	for _, other := range []string{digest(), digest(a), digest(edited, b), digest(heavier, b)} {
		assert.NotEqual(t, first, other)
	}

	for typ, isConfiguration := range map[uint16]bool{destActiveConns: false, destInactiveConns: false, destPersistentConns: false, destStats: false, destStats64: false, destWeight: true, 77: true} {
		one, err := canonical(netlink.AppendNested(nil, attrDest, func(b []byte) []byte { return netlink.AppendUint32(b, typ, 1) }), attrDest, destActiveConns, destInactiveConns, destPersistentConns, destStats, destStats64)
		require.NoError(t, err)
		assert.Equal(t, isConfiguration, len(one) > 0, typ)
	}
}

// TestTimeoutsOfFake sets and reads the timeouts.
func TestTimeoutsOfFake(t *testing.T) {
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	want := config.Timeouts{TCP: 2 * time.Hour, TCPFin: time.Second, UDP: 301 * time.Second}
	require.NoError(t, conn.SetTimeouts(want))
	got, err := conn.Timeouts()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	kernel.answered = func(netlink.Message) *netlink.Answer { return &netlink.Answer{Errno: unix.EBUSY} }
	require.ErrorIs(t, conn.SetTimeouts(want), unix.EBUSY)
}

// TestErrors: each call returns the kernel's refusal, with the object.
func TestErrors(t *testing.T) {
	full := sipService(5)
	isApplied := func(op Op) func(*Conn) error {
		return func(c *Conn) error {
			applied, err := c.IsApplied(Change{Op: op, Service: full.Service})
			assert.False(t, applied, "unknown")
			return err
		}
	}
	for _, c := range []struct {
		command uint8
		dump    bool
		call    func(*Conn) error
		want    string
	}{
		{cmdGetService, true, func(c *Conn) error { _, err := c.Services(); return err }, "list IPVS services: device or resource busy"},
		{cmdGetDest, true, func(c *Conn) error { _, err := c.Services(); return err }, "list the real servers of service fwmark 5 IPv4: device or resource busy"},
		{cmdGetService, false, func(c *Conn) error { _, err := c.Services(Key{Mark: 9, Family: config.IPv6}); return err }, "read service fwmark 9 IPv6: device or resource busy"},
		{cmdGetService, true, func(c *Conn) error { _, err := c.Digest(); return err }, "list IPVS services: device or resource busy"},
		{cmdGetDest, true, func(c *Conn) error { _, err := c.Digest(); return err }, "list real servers: device or resource busy"},
		{cmdGetConfig, false, func(c *Conn) error { _, err := c.Timeouts(); return err }, "read IPVS timeouts: device or resource busy"},
		{cmdSetConfig, false, func(c *Conn) error { return c.SetTimeouts(config.Timeouts{}) }, "set IPVS timeouts: device or resource busy"},
		{cmdGetService, false, isApplied(AddService), "read service fwmark 5 IPv4: device or resource busy"},
		{cmdGetDest, true, isApplied(AddDestination), "list the real servers of service fwmark 5 IPv4: device or resource busy"},
	} {
		kernel := &fakeIPVS{}
		conn := kernel.conn(t)
		require.NoError(t, errors.Join(conn.Apply(Diff(nil, []VirtualService{full})...)...))
		kernel.answered = func(m netlink.Message) *netlink.Answer {
			if m.Data[0] == c.command && (m.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP) == c.dump {
				return &netlink.Answer{Errno: unix.EBUSY}
			}
			return nil
		}
		assert.EqualError(t, c.call(conn), c.want)
	}
}

// TestOpenErrors: Open fails if the family cannot be resolved or IPVS cannot be read.
func TestOpenErrors(t *testing.T) {
	for _, command := range []uint8{unix.CTRL_CMD_GETFAMILY, cmdGetConfig} {
		_, err := open(netlink.Fake(func(m netlink.Message) netlink.Answer {
			if m.Data[0] == command {
				return netlink.Answer{Errno: unix.EPERM}
			}
			return (&fakeIPVS{}).answer(m)
		}))
		require.ErrorIs(t, err, unix.EPERM, fmt.Sprint(command))
	}
}

// TestOtherFamily: an answer of another generic netlink family is an error.
func TestOtherFamily(t *testing.T) {
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	kernel.answered = func(netlink.Message) *netlink.Answer { a := fakeObjects(fakeFamily+1, nil); return &a }
	_, err := conn.Timeouts()
	require.ErrorIs(t, err, netlink.ErrMalformed)
}

// TestUndecodableService: a listed service of an unknown address family is an error.
func TestUndecodableService(t *testing.T) {
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	attributes := netlink.AppendNested(nil, attrService, func(b []byte) []byte {
		return netlink.AppendUint32(netlink.AppendUint16(b, serviceAF, 1), serviceMark, 5)
	})
	kernel.services = []*fakeService{{key: "?", attributes: attributes}}
	_, err := conn.Services()
	require.EqualError(t, err, "list IPVS services: address family 1 is neither IPv4 nor IPv6")
}
