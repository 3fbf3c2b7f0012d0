package impact

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOnlyChanged: a change of only drains if some packets lose or exchange their mark.
func TestOnlyChanged(t *testing.T) {
	const (
		all     = "clusters:\n- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], real-servers: [{address: 10.0.0.11}]}\n"
		inside  = "clusters:\n- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.1.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		other   = "clusters:\n- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {sources: [10.2.0.0/16]}, real-servers: [{address: 10.0.0.11}]}\n"
		senders = "clusters:\n- {name: ftp, mark: 21, vips: [198.51.100.21], ports: [21, 100-200], only: {except-macs: [\"02:00:00:00:00:02\"]}, real-servers: [{address: 10.0.0.11}]}\n"
		web     = "- {name: web, mark: 80, vips: [198.51.100.21], ports: [21], real-servers: [{address: 10.0.0.12}]}\n"
		fewer   = " from fewer packets: the conditions of only change; 1 established connection not affected"
	)
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"added", all, inside, []string{"new connections to ports 21, 100-200 of fwmark 21 (ftp)" + fewer}},
		{"removed", inside, all, nil},
		{"the same", inside, inside, nil},
		{"another network", inside, other, []string{"new connections to ports 21, 100-200 of fwmark 21 (ftp)" + fewer}},
		{"a sender excluded", all, senders, []string{"new connections to ports 21, 100-200 of fwmark 21 (ftp)" + fewer}},
		{"another mark", inside, change(t, inside, "mark: 21", "mark: 22"), []string{"no new connections to ports 21, 100-200 of fwmark 21 (ftp); 1 established connection not affected"}},
		{"fewer ports", inside, change(t, inside, "100-200", "150-160"), []string{"no new connections to ports 100-149, 161-200 of fwmark 21 (ftp)"}},
		{"a cluster for the rest", inside, inside + web, nil},
		{"only the rest stays", inside + web, change(t, inside+web, "ports: [21, 100-200]", "ports: [100-200]"), []string{"new connections to ports 21 go to fwmark 80 (web) instead of fwmark 21 (ftp); 1 established connection not affected"}},
		{"without the rest", inside + web, inside, []string{"no new connections to ports 21 of fwmark 80 (web); 1 established connection not affected"}},
		{"deleted", inside, "", []string{"no new connections to ports 21, 100-200 of fwmark 21 (ftp); 1 established connection not affected"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			connections := busyConnections()
			connections.underWay = connections.underWay[:1]
			in := plan(t, c.from, c.to, connections)
			in.Changes.Services = nil
			var got []string
			for _, i := range Analyze(in).Ruleset {
				if i.Effect != Safe {
					assert.Equal(t, Drains, i.Effect)
					got = append(got, i.Detail)
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
}
