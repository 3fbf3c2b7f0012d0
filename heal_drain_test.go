package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/drain"
)

// TestHealDrain: an apply gives a drained real server the weight in the spec and removes the
// record, also after changes by hand around the drain.
func TestHealDrain(t *testing.T) {
	const (
		spec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]\n"
		ftp  = `"service fwmark 21 IPv4": `
	)
	whole := newIPVSWorld(t)
	parsed := parse(t, spec)
	whole.apply(parsed)
	for _, c := range []struct {
		name, by string
		want     string // of the real server
	}{
		{"nothing", "true", "edit real-server in " + ftp + `"10.0.0.12:0 -m -w 0" -> "10.0.0.12:0 -m -w 1"`},
		{"another weight", "ipvsadm -e -f 21 -r 10.0.0.12 -m -w 5", "edit real-server in " + ftp + `"10.0.0.12:0 -m -w 5" -> "10.0.0.12:0 -m -w 1"`},
		{"the weight of the spec", "ipvsadm -e -f 21 -r 10.0.0.12 -m -w 1", ""},
		{"the real server is deleted", "ipvsadm -d -f 21 -r 10.0.0.12", "add real-server in " + ftp + `"" -> "10.0.0.12:0 -m -w 1"`},
		{"the record is deleted", "nft flush set ip lvsmark drained", "edit real-server in " + ftp + `"10.0.0.12:0 -m -w 0" -> "10.0.0.12:0 -m -w 1"`},
		{"the set of records is deleted", "nft delete set ip lvsmark drained", "edit real-server in " + ftp + `"10.0.0.12:0 -m -w 0" -> "10.0.0.12:0 -m -w 1"`},
		{"the service is deleted", "ipvsadm -D -f 21", "add real-server in " + ftp + `"" -> "10.0.0.12:0 -m -w 1"`},
		{"the rules are deleted", "nft flush chain ip lvsmark prerouting", "edit real-server in " + ftp + `"10.0.0.12:0 -m -w 0" -> "10.0.0.12:0 -m -w 1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t, whole.ns}
			before := w.state()
			d, err := DrainServer(t.Context(), Known(parsed), Options{NetNS: w.ns}, drain.Name{Cluster: "ftp", Server: "10.0.0.12"}, 0)
			require.NoError(t, err)
			assert.True(t, d.Ended)
			w.run("sh", "-ec", c.by)
			if applied := lines(w.apply(parsed).Changes()); c.want != "" {
				assert.Contains(t, applied, c.want)
			}
			assert.Equal(t, before, w.state())
			assert.Empty(t, w.plan(parsed).Changes())
		})
	}
}
