package lvsmark

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/fakekernel"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

var _ kernel = (*fakekernel.Kernel)(nil)

// A fakeWorld is a fake kernel that also has objects of other programs.
type fakeWorld struct {
	t *testing.T
	*fakekernel.Kernel
	clock *fakeClock
}

func newFakeWorld(t *testing.T) *fakeWorld {
	k := fakekernel.New(map[string]string{
		"net.ipv4.ip_forward":                   "0",
		"net.ipv6.conf.all.forwarding":          "0",
		"net.ipv4.ip_default_ttl":               "64",
		"net.ipv4.vs.expire_nodest_conn":        "0",
		"net.ipv4.vs.conntrack":                 "0",
		"net.ipv4.vs.expire_quiescent_template": "0",
		config.TimeoutTCP:                       "900",
		config.TimeoutTCPFin:                    "120",
		config.TimeoutUDP:                       "300",
	}, "vip0", "vip1")
	k.AddForeign(nft.TableName{Family: nft.IPv4, Name: "filter"})
	k.AddForeignAddress(hostaddr.Address{Device: "vip0", IP: netip.MustParseAddr("192.0.2.1")}, 24)
	w := &fakeWorld{t, k, &fakeClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	w.addService(7, "10.0.0.7")
	return w
}

// addService adds a service of another program.
func (w *fakeWorld) addService(mark uint32, server string) {
	s := ipvs.Service{Key: ipvs.Key{Mark: mark, Family: config.IPv4}, SchedName: "rr", Netmask: 32}
	d := ipvs.Destination{Address: netip.MustParseAddr(server), Weight: 1, Forwarding: config.NAT}
	w.AsOtherProcess(func() {
		for _, err := range w.ChangeServices(
			ipvs.Change{Op: ipvs.AddService, Service: s},
			ipvs.Change{Op: ipvs.AddDestination, Service: s, After: d},
		) {
			require.NoError(w.t, err)
		}
	})
}

// editWeight edits the weight of a real server, as ipvsadm does.
func (w *fakeWorld) editWeight(mark uint32, server string, weight int) {
	w.changeServer(mark, server, func(s ipvs.Service, d ipvs.Destination) ipvs.Change {
		after := d
		after.Weight, after.Connections = weight, ipvs.Connections{}
		return ipvs.Change{Op: ipvs.EditDestination, Service: s, Before: d, After: after}
	})
}

// removeServer removes a real server, as ipvsadm does.
func (w *fakeWorld) removeServer(mark uint32, server string) {
	w.changeServer(mark, server, func(s ipvs.Service, d ipvs.Destination) ipvs.Change {
		return ipvs.Change{Op: ipvs.DelDestination, Service: s, Before: d}
	})
}

// changeServer makes a change of a real server as another process.
func (w *fakeWorld) changeServer(mark uint32, server string, change func(ipvs.Service, ipvs.Destination) ipvs.Change) {
	w.AsOtherProcess(func() {
		services, err := w.Services()
		require.NoError(w.t, err)
		for _, s := range services {
			for _, d := range s.Destinations {
				if s.Mark != mark || d.Address != netip.MustParseAddr(server) {
					continue
				}
				require.NoError(w.t, w.ChangeServices(change(s.Service, d))[0])
				return
			}
		}
		w.t.Fatalf("no real server %s of mark %d", server, mark)
	})
}

// do calls f with a new engine.
func (w *fakeWorld) do(opts Options, f func(*engine) (*Plan, error)) (*Plan, error) {
	e := newEngine(w.Kernel, w.clock, opts)
	defer e.close()
	return f(e)
}

// plan compares the kernel with the spec; "" stands for a removal.
func (w *fakeWorld) plan(ctx context.Context, spec string, opts Options) (*Plan, error) {
	p, err := w.do(opts, func(e *engine) (*Plan, error) {
		if spec == "" {
			return e.planRemoval(ctx)
		}
		return e.planSpec(ctx, Known(parse(w.t, spec)))
	})
	if err == nil {
		assertDistinct(w.t, p.Changes())
	}
	return p, err
}

// apply plans and applies, as the commands do.
func (w *fakeWorld) apply(ctx context.Context, spec string, opts Options) (*Plan, error) {
	p, err := w.plan(ctx, spec, opts)
	if err != nil {
		return nil, err
	}
	return w.carryOut(ctx, p)
}

func (w *fakeWorld) carryOut(ctx context.Context, p *Plan) (*Plan, error) {
	return w.do(p.opts, func(e *engine) (*Plan, error) { return e.apply(ctx, p) })
}

// applied applies the spec, which must succeed.
func (w *fakeWorld) applied(spec string) *Plan {
	w.t.Helper()
	p, err := w.apply(w.t.Context(), spec, Options{})
	require.NoError(w.t, err)
	return p
}

// settled asserts that a plan has no changes, and that its apply writes nothing.
func (w *fakeWorld) settled(spec string) {
	w.t.Helper()
	w.Before = func(call string) error {
		assert.Fail(w.t, "nothing to do, but: "+call)
		return nil
	}
	assert.Equal(w.t, "no difference\n", w.applied(spec).String())
	w.Before = nil
}

// A fakeClock advances immediately instead of waiting.
type fakeClock struct {
	now   time.Time
	tick  func(time.Time) // called when the time advances; may be nil
	waits int
}

var _ clock = (*fakeClock)(nil)

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	if c.waits++; c.waits > 10_000 {
		panic("a wait without end")
	}
	if c.tick != nil {
		c.tick(c.now)
	}
	passed := make(chan time.Time, 1)
	passed <- c.now
	return passed
}
