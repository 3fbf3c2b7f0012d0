package lvsmark

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestFakeDrainRefused: with --fail-on cuts, a drain does not begin if it would cut connections
// itself: by an edit of the same spec, or because clients are assigned anew.
func TestFakeDrainRefused(t *testing.T) {
	const spec = `
clusters:
- {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , persistence: 5m, scheduler: lc, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}, {address: 10.0.0.13}]}
`
	options := Options{Drain: time.Minute, FailOn: impact.Cuts}
	for _, c := range []struct{ name, old, next, want string }{
		{"another edit", "", "persistence: 5m|persistence: 0", "edit service -f 21 -s lc -p 300 -> -f 21 -s lc: cuts 3 connections of ftp"},
		{"assigned anew", "persistence: 5m, scheduler: lc|persistence: 0, scheduler: mh", "", "delete real-server 10.0.0.13:0 -m -w 1 of service fwmark 21 IPv4: cuts 5 connections of ftp: an FTP session's next data connection"},
		{"neither", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			replace := func(text, edit string) string {
				old, next, _ := strings.Cut(edit, "|")
				return strings.Replace(text, old, next, 1)
			}
			before := replace(spec, c.old)
			d := &fakeDrain{fakeWorld: newFakeWorld(t)}
			d.applied(before)
			for server, active := range map[string]uint32{"10.0.0.11": 3, "10.0.0.13": 2} {
				d.SetConnections(ipvs.Key{Mark: 21, Family: config.IPv4}, netip.MustParseAddr(server), ipvs.Connections{Active: active})
			}
			d.clock.tick = func(time.Time) {
				d.SetConnections(ipvs.Key{Mark: 21, Family: config.IPv4}, netip.MustParseAddr("10.0.0.13"), ipvs.Connections{})
			}
			state := d.String()
			_, err := d.apply(t.Context(), replace(strings.Replace(before, ", {address: 10.0.0.13}", "", 1), c.next), options)
			if c.want == "" {
				require.NoError(t, err)
				assert.NotContains(t, d.String(), "10.0.0.13")
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "refused by --fail-on cuts, nothing was done")
			assert.NotContains(t, err.Error(), "with --drain", "it drains already")
			assert.Equal(t, state, d.String())
		})
	}
}
