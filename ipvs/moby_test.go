package ipvs_test

import (
	"math/rand/v2"
	"testing"

	moby "github.com/moby/ipvs"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/mobyipvs"
	"github.com/lvsmark/lvsmark/ipvs"
)

// moby/ipvs speaks to the kernel one request at a time, and cannot say all of a
// destination. What both can say they say alike: a service that it makes is one
// that we would make, and the other way round.
func TestServicesAgainstMoby(t *testing.T) {
	withIPVS(t, func() {
		r := rand.New(rand.NewPCG(7, 8))
		conn := open(t)
		handle, err := moby.New("")
		require.NoError(t, err)
		defer handle.Close()
		for range 10 {
			want := withoutTunnels(randomServices(r))
			for _, service := range want {
				require.NoError(t, handle.NewService(mobyipvs.Service(service.Service)))
				for _, dest := range service.Destinations {
					require.NoError(t, handle.NewDestination(mobyipvs.Service(service.Service), mobyipvs.Destination(dest)))
				}
			}
			require.Equal(t, want, services(t, conn))
			theirs := saved(t)
			do(t, conn, ipvs.Diff(want, nil))
			do(t, conn, ipvs.Diff(nil, want))
			require.Equal(t, theirs, saved(t))

			for _, service := range want {
				found, err := handle.GetService(mobyipvs.Service(service.Service))
				require.NoError(t, err)
				require.Equal(t, service.SchedName, found.SchedName)
				destinations, err := handle.GetDestinations(mobyipvs.Service(service.Service))
				require.NoError(t, err)
				require.Len(t, destinations, len(service.Destinations))
				require.NoError(t, handle.DelService(mobyipvs.Service(service.Service)))
			}
			require.Empty(t, services(t, conn))
		}
	})
}

// withoutTunnels leaves out what moby/ipvs cannot say.
func withoutTunnels(services []ipvs.VirtualService) []ipvs.VirtualService {
	for i, service := range services {
		service.Destinations = nil
		for _, dest := range services[i].Destinations {
			if dest.Tunnel == (ipvs.Tunnel{}) {
				service.Destinations = append(service.Destinations, dest)
			}
		}
		services[i] = service
	}
	return services
}
