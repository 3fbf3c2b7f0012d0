package ipvs_test

import (
	"math/rand/v2"
	"testing"

	moby "github.com/moby/ipvs"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/mobyipvs"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestServicesAgainstMoby: a service that moby/ipvs adds is equal to one that this package
// adds. moby/ipvs sends one request at a time and does not support all fields of a
// destination.
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
			byMoby := saved(t)
			apply(t, conn, ipvs.Diff(want, nil))
			apply(t, conn, ipvs.Diff(nil, want))
			require.Equal(t, byMoby, saved(t))

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

// withoutTunnels removes the destinations that moby/ipvs does not support.
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
