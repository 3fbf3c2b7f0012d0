package integration_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// A drainLab has a session with each real server. The test removes rs2, or the whole
// cluster.
type drainLab struct {
	*impactLab
	kept, drained *session
}

// TestDrain removes a real server that has connections.
func TestDrain(t *testing.T) {
	i := newImpactLab(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *drainLab)
	}{
		{"ends with its connections", endsWithConnections},
		{"ends with its timeout", endsWithTime},
		{"is interrupted and resumed", isInterrupted},
		{"removes a whole cluster", wholeCluster},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := i.onePerServer(i.ftp, 21)
			c.test(t, &drainLab{i, s["rs1"], s["rs2"]})
			require.NoError(t, i.lab.Apply(impactSpec))
			i.closeAll()
		})
	}
}

// without returns impactSpec without the second real server of cluster ftp, and with
// another VIP.
func (d *drainLab) without() *config.Spec {
	return d.parse(edit(d.t, impactSpec, ", {name: two, address: 10.0.0.12}", "", "198.51.100.31", "198.51.100.31, 198.51.100.33"))
}

func (d *drainLab) parse(text string) *config.Spec {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(d.t, err)
	return spec
}

// drain applies the spec, and calls waiting once when the drain waits. It returns the
// reported steps.
func (d *drainLab) drain(ctx context.Context, spec *config.Spec, opts lvsmark.Options, waiting func()) (steps []string, err error) {
	opts.NetNS = d.lab.Director.NetNS
	waits := false
	opts.Progress = func(step string) {
		steps = append(steps, step)
		if strings.HasPrefix(step, "drain: ") && !waits {
			waits = true
			waiting()
		}
	}
	p, err := lvsmark.PlanSpec(ctx, lvsmark.Known(spec), opts)
	if err == nil {
		_, err = lvsmark.Apply(ctx, p)
	}
	assert.True(d.t, waits, "the drain did not wait: %v %v", steps, err)
	return steps, err
}

// services returns the service of cluster ftp in the format of ipvsadm -S.
func (d *drainLab) services() string {
	text, err := d.lab.Director.Run("sh", "-c", "ipvsadm -Sn | grep -e '-f 21 '")
	assert.NoError(d.t, err)
	return text
}

// checkDraining checks that rs2 gets no new clients, and that its clients continue and
// can open new connections to it.
func (d *drainLab) checkDraining() {
	assert.Contains(d.t, d.services(), "-r 10.0.0.12:0 -m -w 0\n")
	assert.True(d.t, d.drained.isAlive())
	assert.True(d.t, d.kept.isAlive())
	data := d.connect(d.drained.client(), d.ftp, 10001, successTimeout)
	if assert.NotNil(d.t, data) {
		assert.Equal(d.t, "rs2", data.server, "the data connection of a running session")
		data.conn.Close()
	}
	for range 3 {
		address, err := d.lab.ClientAddress(config.IPv4)
		assert.NoError(d.t, err)
		if fresh := d.connect(address, d.ftp, 21, successTimeout); assert.NotNil(d.t, fresh) {
			assert.Equal(d.t, "rs1", fresh.server)
		}
	}
}

func (s *session) client() netip.Addr {
	return s.conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
}

func endsWithConnections(t *testing.T, d *drainLab) {
	steps, err := d.drain(t.Context(), d.without(), lvsmark.Options{Drain: time.Hour}, func() {
		d.checkDraining()
		// The new VIP does not wait for the removed server.
		address, err := d.lab.ClientAddress(config.IPv4)
		assert.NoError(t, err)
		if come := d.connect(address, netip.MustParseAddr("198.51.100.33"), 21, successTimeout); assert.NotNil(t, come) {
			come.conn.Close()
		}
		for _, s := range d.open {
			if s.server == "rs2" {
				s.conn.Close()
			}
		}
	})
	require.NoError(t, err)
	assert.Contains(t, strings.Join(steps, "\n"), " left (ftp: 10.0.0.12 ")
	assert.Regexp(t, `drain: .*, [12] persistence templates?`, strings.Join(steps, "\n"))
	assert.NotContains(t, d.services(), "10.0.0.12")
	assert.True(t, d.kept.isAlive())
}

func endsWithTime(t *testing.T, d *drainLab) {
	// With --fail-on cuts, the server keeps weight 0 …
	_, err := d.drain(t.Context(), d.without(), lvsmark.Options{Drain: 2 * time.Second, FailOn: impact.Cuts}, func() {})
	require.ErrorContains(t, err, "removed real servers keep weight 0")
	d.checkDraining()
	// … and without it, connections are cut.
	_, err = d.drain(t.Context(), d.without(), lvsmark.Options{Drain: 2 * time.Second}, func() {})
	require.NoError(t, err)
	assert.NotContains(t, d.services(), "10.0.0.12")
	assert.True(t, d.drained.isCut())
	assert.True(t, d.kept.isAlive())
}

func isInterrupted(t *testing.T, d *drainLab) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := d.drain(ctx, d.without(), lvsmark.Options{Drain: time.Hour}, cancel)
	require.ErrorIs(t, err, lvsmark.ErrDrainInterrupted)
	assert.Contains(t, err.Error(), " left (ftp: 10.0.0.12 ")
	d.checkDraining()
	_, err = d.drain(t.Context(), d.without(), lvsmark.Options{Drain: time.Hour}, func() {
		d.checkDraining()
		for _, s := range d.open {
			s.conn.Close()
		}
	})
	require.NoError(t, err)
	assert.NotContains(t, d.services(), "10.0.0.12")
}

// wholeCluster: the data connections of running sessions need the marks and the address
// of a removed cluster until the sessions end.
func wholeCluster(t *testing.T, d *drainLab) {
	spec := d.parse(impactSpec[:strings.Index(impactSpec, "  - name: ftp")] + impactSpec[strings.Index(impactSpec, "  - name: web"):])
	_, err := d.drain(t.Context(), spec, lvsmark.Options{Drain: time.Hour}, func() {
		for _, s := range []*session{d.drained, d.kept} {
			assert.True(t, s.isAlive())
			data := d.connect(s.client(), d.ftp, 10001, successTimeout)
			if assert.NotNil(t, data) {
				assert.Equal(t, s.server, data.server)
			}
		}
		address, err := d.lab.ClientAddress(config.IPv4)
		assert.NoError(t, err)
		assert.Nil(t, d.connect(address, d.ftp, 21, failureTimeout), "a new client")
		for _, s := range d.open {
			s.conn.Close()
		}
	})
	require.NoError(t, err)
	list, err := d.lab.Director.Run("sh", "-c", "ipvsadm -Sn; ip -o address show dev wan; nft list table ip lvsmark")
	require.NoError(t, err)
	assert.NotContains(t, list, "-f 21 ")
	assert.NotContains(t, list, "198.51.100.21")
	assert.NotContains(t, list, "21_10000")
	assert.Contains(t, list, "-f 80 ")
}
