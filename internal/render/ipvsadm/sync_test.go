package ipvsadm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/ipvsadm"
)

const syncSpec = `
clusters:
  - {name: a, mark: 21, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {sync: {role: both, device: lo, id: 7}, ipvs-timeouts: {tcp: 2h, udp: 30s}}
`

func rendered(t *testing.T) string {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(syncSpec))
	require.NoError(t, err)
	text, err := ipvsadm.Target().Render(spec, render.Options{})
	require.NoError(t, err)
	return text
}

func TestSync(t *testing.T) {
	assert.Equal(t, `-A -f 21 -s wlc -p 300
-a -f 21 -r 10.0.0.11:0 -m -w 1
--start-daemon master --mcast-interface lo --syncid 7 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
--start-daemon backup --mcast-interface lo --syncid 7 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1
--set 7200 0 30
`, rendered(t))
}

// TestSyncRestored: ipvsadm -R starts the daemons and sets the timeouts.
func TestSyncRestored(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		scratch.Run(t, rendered(t), "ipvsadm", "-R")
		const daemon = " sync daemon (mcast=lo, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
		assert.Equal(t, "master"+daemon+"backup"+daemon, scratch.Run(t, "", "ipvsadm", "-l", "--daemon"))
		timeouts := scratch.Run(t, "", "ipvsadm", "-l", "--timeout")
		assert.Regexp(t, `^Timeout \(tcp tcpfin udp\): 7200 [1-9]\d* 30\n$`, timeouts)
	})
}
