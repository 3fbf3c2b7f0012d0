package integration_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/drain"
)

// drainServer drains real server two of cluster ftp, and calls waiting once when the drain
// waits.
func (d *drainLab) drainServer(ctx context.Context, spec string, waiting func()) (*lvsmark.ServerDrain, error) {
	waits := false
	opts := lvsmark.Options{NetNS: d.lab.Director.NetNS, Progress: func(step string) {
		d.t.Logf("%s %s", time.Now().Format(time.TimeOnly), step)
		if !waits && strings.HasPrefix(step, "drain: ") {
			waits = true
			waiting()
		}
	}}
	result, err := lvsmark.DrainServer(ctx, lvsmark.Known(d.parse(spec)), opts, drain.Name{Cluster: "ftp", Server: "two"}, time.Hour)
	assert.True(d.t, waits, "the drain did not wait: %v", err)
	return result, err
}

// reset ends a connection by RST: IPVS forgets it after ten seconds.
func (s *session) reset() {
	_ = s.conn.(*net.TCPConn).SetLinger(0)
	s.conn.Close()
}

// resetAll ends all connections by RST: after a FIN, IPVS counts them for two minutes more.
func (d *drainLab) resetAll() {
	for _, s := range d.open {
		s.reset()
	}
	d.closeAll()
}

// TestDrainServer drains a real server whose clients return.
func TestDrainServer(t *testing.T) {
	i := newImpactLab(t)
	short := edit(t, impactSpec, "scheduler: rr\n    real-servers: [{name: one", "scheduler: rr\n    persistence: 15s\n    real-servers: [{name: one")
	for _, c := range []struct {
		name, quiescent string
	}{{"templates expire", "0"}, {"templates are ignored", "1"}} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, i.lab.Apply(short+"director: {sysctls: {net.ipv4.vs.expire_quiescent_template: "+c.quiescent+"}}\n"))
			s := i.onePerServer(i.ftp, 21)
			d := &drainLab{i, s["rs1"], s["rs2"]}
			client := d.drained.client()
			result, err := d.drainServer(t.Context(), short, func() {
				assert.Contains(t, d.services(), "-r 10.0.0.12:0 -m -w 0\n")
				assert.True(t, d.drained.isAlive())
				if back := d.connect(client, d.ftp, 10001, successTimeout); assert.NotNil(t, back) {
					want := map[string]string{"0": "rs2", "1": "rs1"}[c.quiescent]
					assert.Equal(t, want, back.server, "a client with a running session returns")
					back.reset()
				}
				if fresh := d.connect(d.client(), d.ftp, 21, successTimeout); assert.NotNil(t, fresh) {
					assert.Equal(t, "rs1", fresh.server, "a new client")
				}
				for _, session := range d.open {
					if session.server == "rs2" {
						session.reset()
					}
				}
			})
			require.NoError(t, err)
			assert.True(t, result.Ended)
			assert.True(t, d.kept.isAlive())
			if back := d.connect(client, d.ftp, 21, successTimeout); assert.NotNil(t, back) {
				assert.Equal(t, "rs1", back.server, "after the drain")
			}
			listed, err := d.lab.Director.Run("ipvsadm", "-Ln", "--persistent-conn")
			require.NoError(t, err)
			t.Log(listed)

			_, err = lvsmark.RestoreServer(t.Context(), lvsmark.Known(d.parse(short)), lvsmark.Options{NetNS: d.lab.Director.NetNS}, drain.Name{Cluster: "ftp", Server: "two"})
			require.NoError(t, err)
			assert.Contains(t, d.services(), "-r 10.0.0.12:0 -m -w 1\n")
			d.resetAll()
			d.onePerServer(d.ftp, 21)
			d.resetAll()
		})
	}
}
