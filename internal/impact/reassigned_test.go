package impact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/ipvs"
)

// TestReassigned: without persistence, a table of sh, mh or dh assigns the data connections of
// FTP sessions, and it is filled anew when the real servers change.
func TestReassigned(t *testing.T) {
	const yaml = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , scheduler: sh, persistence: 0, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]
`
	const added, other = "{address: 10.0.0.12}, {address: 10.0.0.13}]", "cuts 7 connections of ftp: an FTP session's next data connection may reach another real server"
	for _, c := range []struct {
		name, always string // always: old|new in both specs
		old, next    string
		want         []string
	}{
		{"added", "", "{address: 10.0.0.12}]", added, []string{other}},
		{"two added", "", "{address: 10.0.0.12}]", strings.Replace(added, "]", ", {address: 10.0.0.14}]", 1), []string{other, "safe"}},
		{"added to one", ", {address: 10.0.0.12}|", "{address: 10.0.0.11}]", "{address: 10.0.0.11}, {address: 10.0.0.12}]", []string{strings.Replace(other, "7", "3", 1)}},
		{"weight", "", "10.0.0.12}", "10.0.0.12, weight: 5}", []string{other}},
		{"weight of the only one", ", {address: 10.0.0.12}|", "10.0.0.11}", "10.0.0.11, weight: 5}", []string{"safe"}},
		{"drained", "", "10.0.0.12}", "10.0.0.12, weight: 0}", []string{other + "; no new clients; 4 active, 0 inactive, 0 persistent"}},
		{"the only one drained", ", {address: 10.0.0.12}|", "10.0.0.11}", "10.0.0.11, weight: 0}", []string{strings.Replace(other, "7", "3", 1) + "; no new clients; 3 active, 0 inactive, 0 persistent"}},
		{"removed", "{address: 10.0.0.12}]|" + added, added, "{address: 10.0.0.12}]", []string{strings.Replace(other, "7", "12", 1) + "; 5 active, 0 inactive, 0 persistent"}},
		{"removed but one", "", ", {address: 10.0.0.12}", "", []string{"cuts 4 connections of ftp with 10.0.0.12: 4 active, 0 inactive, 0 persistent"}},
		{"replaced", "", "10.0.0.12", "10.0.0.13", []string{strings.Replace(other, "7", "3", 1), "cuts 4 connections of ftp with 10.0.0.12: 4 active, 0 inactive, 0 persistent"}},
		{"mh", "scheduler: sh|scheduler: mh", "{address: 10.0.0.12}]", added, []string{other}},
		{"weight 0 with mh", "scheduler: sh|scheduler: mh", "{address: 10.0.0.12}]", strings.Replace(added, "13}", "13, weight: 0}", 1), []string{"safe"}},
		{"weight 0 with sh", "", "{address: 10.0.0.12}]", strings.Replace(added, "13}", "13, weight: 0}", 1), []string{other}},
		{"dh", "scheduler: sh|scheduler: dh", "{address: 10.0.0.12}]", added, []string{other}},
		{"weight with dh", "scheduler: sh|scheduler: dh", "10.0.0.12}", "10.0.0.12, weight: 5}", []string{"safe"}},
		{"by port", "scheduler: sh|scheduler: sh, scheduler-flags: [sh-port]", "{address: 10.0.0.12}]", added, []string{"safe"}},
		{"lc", "scheduler: sh|scheduler: lc", "{address: 10.0.0.12}]", added, []string{"safe"}},
		{"persistence", "persistence: 0|persistence: 1m", "{address: 10.0.0.12}]", added, []string{"safe"}},
		{"not FTP", "ftp: |ports: [80]", "{address: 10.0.0.12}]", added, []string{"safe"}},
		{"shards", "ftp: |ftp: {passive-ports: 10000-19999, passive-shards: 4}", "{address: 10.0.0.12}]", added, []string{"safe", "safe", "safe"}},
		{"shards with direct", "ftp: |forwarding: direct, ftp: {passive-ports: 10000-19999, passive-shards: 4}", "{address: 10.0.0.12}]", added, []string{"safe", "safe", "drains: " + otherActiveServer}},
		{"shards with direct, drained", "ftp: |forwarding: direct, ftp: {passive-ports: 10000-19999, passive-shards: 4}", "10.0.0.12}", "10.0.0.12, weight: 0}", []string{"drains: " + otherActiveServer + "; no new sessions, and those it has can open data connections; 4 active, 0 inactive, 0 persistent"}},
		{"shards with direct, and another scheduler", "ftp: |forwarding: direct, ftp: {passive-ports: 10000-19999, passive-shards: 4}", "scheduler: sh", "scheduler: rr", []string{"drains: " + otherActiveServer}},
		{"shards with nat, and another scheduler", "ftp: |ftp: {passive-ports: 10000-19999, passive-shards: 4}", "scheduler: sh", "scheduler: rr", []string{"safe"}},
		{"shards with direct and rr", "ftp: , scheduler: sh|forwarding: direct, ftp: {passive-ports: 10000-19999, passive-shards: 4}, scheduler: rr", "{address: 10.0.0.12}]", added, []string{"safe", "safe", "safe"}},
		{"the scheduler too", "", "scheduler: sh, persistence: 0, real-servers: [{address: 10.0.0.11}", "scheduler: rr, persistence: 0, real-servers: [{address: 10.0.0.13}, {address: 10.0.0.11}", []string{other, "safe"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, next, _ := strings.Cut(c.always, "|")
			before := strings.Replace(yaml, old, next, 1)
			assert.Contains(t, before, c.old)
			in := plan(t, before, strings.Replace(before, c.old, c.next, 1), &fakeConnections{})
			for i := range in.Before.Services {
				for k := range in.Before.Services[i].Destinations {
					in.Before.Services[i].Destinations[k].Connections = ipvs.Connections{Active: uint32(3 + k)}
				}
			}
			in.Changes.Services = ipvs.Diff(in.Before.Services, in.After.Services)
			var got []string
			for _, i := range Analyze(in).Services {
				got = append(got, i.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}
