package lvsmark

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFakeDeviceGone: a device disappears before a rollback. What was on it is left out and named,
// and the rest is restored.
func TestFakeDeviceGone(t *testing.T) {
	const vips = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, ip-forward: false}\n"
	for name, c := range map[string]struct{ before, after, lost string }{
		"VIP":         {vips, strings.NewReplacer("mark: 21", "mark: 22", "100.21", "100.22").Replace(vips), "VIP 198.51.100.21 on vip0 (device vip0: no such device)"},
		"sync daemon": {syncSpec, strings.NewReplacer("id: 1", "id: 2", "mark: 21", "mark: 22").Replace(syncSpec), "ipvs.sync.master (device vip0: no such device)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.applied(c.before)
			checkpoint := w.captured()
			w.applied(c.after)
			assert.NotContains(t, w.String(), "0x00000015")
			w.RemoveDevice("vip0")
			p, err := w.do(checkpoint.opts, func(e *engine) (*Plan, error) { return e.planState(t.Context(), checkpoint.desired()) })
			require.NoError(t, err)
			restored, err := w.carryOut(t.Context(), p)
			require.NoError(t, err)
			require.Len(t, restored.Lost(), 1)
			assert.Equal(t, c.lost, fmt.Sprintf("%s (%v)", restored.Lost()[0].Name, restored.Lost()[0].Err))
			assert.Contains(t, w.String(), "0x00000015")
			assert.NotContains(t, w.String(), "0x00000016")
		})
	}
}
