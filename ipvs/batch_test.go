package ipvs_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// serviceWith returns a service with n destinations.
func serviceWith(mark uint32, n int) ipvs.VirtualService {
	service := ipvs.VirtualService{Service: ipvs.Service{Key: ipvs.Key{Mark: mark, Family: config.IPv4}, SchedName: "rr", Netmask: 32}}
	for i := range n {
		address := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		service.Destinations = append(service.Destinations, ipvs.Destination{Address: address, Weight: 1})
	}
	return service
}

// TestRefusedAmongMany: each change of a batch has its own result, and changes after a
// refusal are made. The next batch is not started.
func TestRefusedAmongMany(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		before, after := serviceWith(21, 0), serviceWith(21, 300)
		before.Destinations = []ipvs.Destination{after.Destinations[0], after.Destinations[77], after.Destinations[299]}
		apply(t, conn, ipvs.Diff(nil, []ipvs.VirtualService{before}))

		changes := ipvs.Diff([]ipvs.VirtualService{serviceWith(21, 0)}, []ipvs.VirtualService{after})
		require.Len(t, changes, 300)
		answers := conn.Apply(changes...)
		require.Greater(t, len(answers), 78)
		require.Less(t, len(answers), 300)
		added := before.Destinations
		for i, err := range answers {
			if i == 0 || i == 77 {
				require.ErrorIs(t, err, unix.EEXIST)
				require.ErrorIs(t, err, ipvs.ErrStale)
				require.ErrorContains(t, err, changes[i].Object())
			} else {
				require.NoError(t, err)
				added = append(added, changes[i].After)
			}
		}
		assert.Empty(t, ipvs.Diff(services(t, conn), []ipvs.VirtualService{{Service: before.Service, Destinations: added}}))
	})
}

// TestAllRefused: if all changes of a batch are refused, each has its error.
func TestAllRefused(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		want := []ipvs.VirtualService{serviceWith(21, 500)}
		apply(t, conn, ipvs.Diff(nil, want))
		answers := conn.Apply(ipvs.Diff([]ipvs.VirtualService{serviceWith(21, 0)}, want)...)
		require.NotEmpty(t, answers)
		for _, err := range answers {
			require.ErrorIs(t, err, unix.EEXIST)
		}
		assert.Equal(t, want, services(t, conn))
	})
}

// TestNoServersForForeignService: no destinations are added to a service that another
// process has added.
func TestNoServersForForeignService(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		foreign := []ipvs.VirtualService{serviceWith(22, 0)}
		apply(t, conn, ipvs.Diff(nil, foreign))
		changes := ipvs.Diff(nil, []ipvs.VirtualService{serviceWith(21, 3), serviceWith(22, 3), serviceWith(23, 3)})
		answers := conn.Apply(changes...)
		require.Len(t, answers, 5)
		require.ErrorIs(t, answers[4], unix.EEXIST)
		assert.Equal(t, []ipvs.VirtualService{serviceWith(21, 3), serviceWith(22, 0)}, services(t, conn))
	})
}

// TestNoRemovalAfterRefusal: a change that ends connections is not made after a refusal.
func TestNoRemovalAfterRefusal(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		have, stale := []ipvs.VirtualService{serviceWith(21, 3)}, serviceWith(21, 3)
		stale.Destinations[1].Address = netip.MustParseAddr("10.9.9.9")
		apply(t, conn, ipvs.Diff(nil, have))
		answers := conn.Apply(ipvs.Diff([]ipvs.VirtualService{stale}, nil)...)
		require.Len(t, answers, 2)
		require.ErrorIs(t, answers[1], unix.ENOENT)
		have[0].Destinations = have[0].Destinations[1:]
		assert.Equal(t, have, services(t, conn))
	})
}

// TestConnAfterRefusals: a Conn is usable after refusals.
func TestConnAfterRefusals(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		changes := ipvs.Diff(nil, []ipvs.VirtualService{serviceWith(21, 100)})
		for range 3 {
			assert.Error(t, errors.Join(conn.Apply(slices.Concat(changes[1:], changes[1:])...)...))
			assert.Empty(t, services(t, conn))
		}
		apply(t, conn, changes)
		assert.Error(t, errors.Join(conn.Apply(changes...)...))
		assert.Equal(t, []ipvs.VirtualService{serviceWith(21, 100)}, services(t, conn))
	})
}
