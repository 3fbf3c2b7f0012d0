package impact

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestConditionsByHand changes the sets of conditions with nft: the apply that restores them
// drains if some packets lose their mark, or get another one.
func TestConditionsByHand(t *testing.T) {
	const spec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21], only: {sources: [10.1.0.0/16], devices: [wan0], except-macs: ["02:00:00:00:00:02"]}, real-servers: [{address: 10.0.0.11}]}
  - {name: rest, mark: 7, vips: [198.51.100.21], ports: [all], real-servers: [{address: 10.0.0.12}]}
director: {bind: false, ip-forward: false}
`
	const (
		alone = "  - {name: rest"
		to7   = ": 198.51.100.21 21 7->21"
		less  = ": 198.51.100.21 21 21->21"
	)
	for _, marks := range []string{"every-packet", "first-packet"} {
		for _, c := range []struct {
			name, script, spec string
			want               []string
		}{
			{"source added", "add element ip lvsmark SOURCES { 192.0.2.0/24 }", spec, []string{"delete element in set ip lvsmark SOURCES" + less}},
			{"source deleted, before a cluster for all", "delete element ip lvsmark SOURCES { 10.1.0.0/16 }", spec, []string{"add element in set ip lvsmark SOURCES" + to7}},
			{"source deleted", "delete element ip lvsmark SOURCES { 10.1.0.0/16 }", change(t, spec, alone, "#"), nil},
			{"device added", "add element ip lvsmark DEVICES { wan1 }", spec, []string{"delete element in set ip lvsmark DEVICES" + less}},
			{"device deleted", "delete element ip lvsmark DEVICES { wan0 }", change(t, spec, alone, "#"), nil},
			{"sender no longer excluded", "delete element ip lvsmark MACS { 02:00:00:00:00:02 }", spec, []string{"add element in set ip lvsmark MACS" + less}},
			{"sender excluded", "add element ip lvsmark MACS { 02:00:00:00:00:03 }", change(t, spec, alone, "#"), nil},
		} {
			t.Run(c.name+", "+marks, func(t *testing.T) {
				want := rehearse(t, change(t, c.spec, "{bind", "{marks: "+marks+", bind"))
				var names []string
				for _, set := range want.Tables[0].Sets {
					for prefix, name := range map[string]string{"sources_": "SOURCES", "devices_": "DEVICES", "except_macs_": "MACS"} {
						if strings.HasPrefix(set.Name, prefix) {
							names = append(names, name, set.Name)
						}
					}
				}
				script := strings.NewReplacer(names...).Replace(c.script)
				slices.Reverse(names)
				found := markChangesOf(compare(changedByHand(t, want, script), want))
				for i, text := range found {
					found[i] = strings.NewReplacer(names...).Replace(text)
				}
				assert.Equal(t, c.want, found)
			})
		}
	}
}

// TestElementBesideNetworks: an edit of one VIP is no change for a VIP in the network of a
// cluster with conditions.
func TestElementBesideNetworks(t *testing.T) {
	const spec = `
clusters:
  - {name: any, mark: 99, vips: [198.51.100.0/26], ports: [all], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}
  - {name: web, mark: 80, vips: [198.51.100.17], ports: [80], real-servers: [{address: 10.0.0.11}]}
  - {name: web2, mark: 81, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`
	for _, c := range []struct {
		name, to string
		want     []string
	}{
		{"another mark", change(t, spec, "mark: 81", "mark: 82"), []string{"edit element in map ip lvsmark tcp_80: 198.51.100.80 80 81->82"}},
		{"a VIP added", change(t, spec, "198.51.100.80]", "198.51.100.80, 198.51.100.81]"), nil},
		{"a VIP of the network added", change(t, spec, "198.51.100.80]", "198.51.100.80, 198.51.100.18]"), []string{
			"add element in map ip lvsmark tcp_80: 198.51.100.18 80 99->81",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, markChangesOf(compare(rehearse(t, spec), rehearse(t, c.to))))
		})
	}
}
