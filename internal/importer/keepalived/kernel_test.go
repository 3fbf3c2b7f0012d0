package keepalived

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/daemon"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
)

// TestAgainstKeepalived runs keepalived with random configurations. The services that it
// creates are those of the reader.
func TestAgainstKeepalived(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "keepalived")
	for seed := range uint64(8) {
		scratch.Do(t, func() {
			scratch.Run(t, "", "ip", "link", "set", "lo", "up")
			text := randomConfig(rand.New(rand.NewPCG(seed, 21)))
			c, err := Read("f", text)
			require.NoError(t, err)
			require.Empty(t, c.NotUnderstood, text)
			want := daemon.Saved(dump.Services(c))
			require.NotEmpty(t, want, text)
			assert.Equal(t, want, daemon.Keepalived(t, text, want), text)
		})
	}
}

func randomConfig(r *rand.Rand) string {
	pick := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	var b strings.Builder
	fmt.Fprintf(&b, "$PORT=%s\nvirtual_server_group g {\n  198.51.100.%d-12 %s\n  198.51.100.32/30 $PORT\n  fwmark 900\n}\n",
		pick("21", "8021"), r.IntN(12), pick("", "80", "21"))
	for i, name := range []string{
		"fwmark 21", "fwmark 22", "198.51.100.1 80", "198.51.100.1", "198.51.100.2 21", "group g", "2001:db8::1 80", "fwmark 23",
	} {
		if r.IntN(3) == 0 {
			continue
		}
		network, mask := "10.0.0.", "255.255.255.0"
		if i >= 6 {
			network, mask = "fd00::", "64"
		}
		fmt.Fprintf(&b, "virtual_server %s {\n", name)
		for _, line := range []string{
			pick("", "lb_algo rr", "lvs_sched sh\nsh-port", "lvs_sched mh\nmh-fallback\nmh-port", "lb_algo wlc # x"),
			pick("", "lb_kind NAT", "lvs_method DR", "lb_kind TUN", "lvs_method TUN type gue port 6080", "lvs_method TUN type gre csum"),
			pick("", "", "persistence_timeout 60", "persistence_timeout", "persistence_timeout 9\npersistence_granularity "+mask),
			pick("protocol TCP", "protocol UDP\nops", "protocol SCTP", ""),
			pick("", "weight 7"), pick("", "sorry_server "+network+"99 80"),
		} {
			b.WriteString(line + "\n")
		}
		for n := range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "real_server %s%d %s { %s\n%s\n}\n", network, n+1, pick("", "0", "80", "8080"),
				pick("", "weight 0", "weight 65535", "weight 3"), pick("", "", "uthreshold 9", "lvs_method DR", "lvs_method TUN", "lvs_method NAT"))
		}
		b.WriteString("}\n")
	}
	return b.String()
}
