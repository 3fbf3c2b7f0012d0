package impact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/ipvs"
)

// TestPortsOfShard: other passive ports or another number of shards move the ports of a real server
// that stays in its shard. Its established connections continue; the next data connections of
// its sessions fail until its FTP server has the new ports.
func TestPortsOfShard(t *testing.T) {
	const yaml = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-10399, passive-shards: 4}, scheduler: rr, real-servers: [{address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]}]
`
	first, second := "data connections of 10.0.0.11 fail there until its FTP server has the ports ", "data connections of rs2 fail there until its FTP server has the ports "
	for _, c := range []struct {
		name, old, next string
		want            []string // at the end of the impacts
	}{
		{"more shards", "shards: 4", "shards: 8", []string{
			"drains: new connections to ports 10050-10099 go to fwmark 23 (ftp/1) instead of fwmark 22 (ftp/0); " + first + "10000-10049",
			"drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1); " + second + "10050-10099",
		}},
		{"several parts of one shard", "10000-10399", "10000-10599", []string{
			"drains: new connections to ports 10100-10149 go to fwmark 22 (ftp/0) instead of fwmark 23 (ftp/1); " + second + "10150-10299",
		}},
		{"other ports", "10000-10399", "20000-20399", []string{
			"drains: no new connections to ports 10000-10099 of fwmark 22 (ftp/0); " + first + "20000-20099",
			"drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1); " + second + "20100-20199",
		}},
		{"both, and other marks", "passive-ports: 10000-10399", "shard-marks: 100, passive-ports: 20000-20399", []string{
			"drains: no new connections to ports 10000-10099 of fwmark 22 (ftp/0); " + first + "20000-20099",
			"drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1); " + second + "20100-20199",
		}},
		{"other marks", "shards: 4", "shards: 4, shard-marks: 100", []string{
			"drains: new connections to ports 10000-10099 go to fwmark 100 (ftp/0) instead of fwmark 22 (ftp/0)",
			"drains: new connections to ports 10100-10199 go to fwmark 101 (ftp/1) instead of fwmark 23 (ftp/1)",
		}},
		{"another shard", "address: 10.0.0.12", "shard: 3, address: 10.0.0.12", []string{"drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1)"}},
		{"removed", ", {name: rs2, address: 10.0.0.12}", "", []string{"drains: no new connections to ports 10100-10199 of fwmark 23 (ftp/1)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := strings.Replace(yaml, c.old, c.next, 1)
			require.NotEqual(t, yaml, next)
			in := plan(t, yaml, next, busyConnections())
			in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
			var found []string
			for _, i := range Analyze(in).Ruleset {
				if strings.Contains(i.Detail, "(ftp/") {
					found = append(found, i.String())
				}
			}
			assert.Equal(t, c.want, found)
		})
	}
}
