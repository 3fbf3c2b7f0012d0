package metrics

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/ipvs"
)

func testReport() *status.Report {
	weight := 3
	return &status.Report{
		Differences: status.Differences{Services: 1},
		Clusters: []status.Cluster{{
			Name: `f"t\p`, State: status.Drained,
			Services: []status.Service{{
				Mark: 21, Family: "IPv4", State: status.InSync, Totals: ipvs.Counters{Connections: 7, BytesOut: 1 << 50},
				RealServers: []status.RealServer{
					{Name: "rs1", Address: "10.0.0.11", State: status.Drained, Weight: &weight, Active: 5, Passive: &status.Passive{Ports: 100, Used: 4}},
					{Address: "10.0.0.12", Port: 80, State: status.Missing},
				},
			}},
		}},
	}
}

func written(t *testing.T, r *status.Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, r, time.Unix(1767323045, 0)))
	return b.String()
}

const testMetrics = `# HELP lvsmark_cluster_in_sync 1 if all services of the cluster match the spec, else 0.
# TYPE lvsmark_cluster_in_sync gauge
lvsmark_cluster_in_sync{cluster="f\"t\\p"} 0.0
# HELP lvsmark_differences Number of changes that an apply would make.
# TYPE lvsmark_differences gauge
lvsmark_differences{part="addresses"} 0.0
lvsmark_differences{part="marks"} 0.0
lvsmark_differences{part="services"} 1.0
lvsmark_differences{part="settings"} 0.0
# HELP lvsmark_in_sync 1 if the kernel matches the spec, else 0.
# TYPE lvsmark_in_sync gauge
lvsmark_in_sync 0.0
`

// TestWriteOfTwoMarks: a cluster whose mark has changed in the spec is there twice, missing and
// extra, and has one value.
func TestWriteOfTwoMarks(t *testing.T) {
	r := &status.Report{Clusters: []status.Cluster{{Name: "ftp", State: status.Missing}, {Name: "web", State: status.InSync}, {Name: "ftp", State: status.Extra}}}
	text := written(t, r)
	assert.Equal(t, 1, strings.Count(text, "lvsmark_cluster_in_sync{cluster=\"ftp\"} 0.0\n"), text)
	assert.Equal(t, 1, strings.Count(text, "lvsmark_cluster_in_sync{cluster=\"web\"} 1.0\n"), text)
}

func TestWrite(t *testing.T) {
	text := written(t, testReport())
	assert.True(t, strings.HasPrefix(text, testMetrics), text)
	assert.True(t, strings.HasSuffix(text, "\n# EOF\n"))
	for _, line := range []string{
		"lvsmark_timestamp_seconds 1.767323045e+09",
		"# TYPE lvsmark_service_bytes counter",
		`lvsmark_service_bytes_total{cluster="f\"t\\p",mark="21",family="IPv4",direction="out"} 1.125899906842624e+15`,
		`lvsmark_real_server_weight{cluster="f\"t\\p",mark="21",family="IPv4",server="rs1",address="10.0.0.11",port="0"} 3.0`,
		`lvsmark_real_server_passive_ports_used{cluster="f\"t\\p",mark="21",family="IPv4",server="rs1",address="10.0.0.11",port="0"} 4.0`,
		`lvsmark_real_server_drained{cluster="f\"t\\p",mark="21",family="IPv4",server="rs1",address="10.0.0.11",port="0"} 1.0`,
		`lvsmark_real_server_in_sync{cluster="f\"t\\p",mark="21",family="IPv4",server="",address="10.0.0.12",port="80"} 0.0`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.NotContains(t, text, `weight{cluster="f\"t\\p",mark="21",family="IPv4",server="",address="10.0.0.12"`, "a missing real server has no weight")
}

// TestLint: the linter of the Prometheus client has no complaint.
func TestLint(t *testing.T) {
	f := newFamilies()
	f.report(testReport(), time.Unix(1, 0))
	for _, family := range f.list {
		assert.NotEmpty(t, family.Metric, "%s is not used", family.GetName())
	}
	problems, err := promlint.NewWithMetricFamilies(f.list).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// TestTextfile: the parser of node_exporter's textfile collector reads all values.
func TestTextfile(t *testing.T) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(written(t, testReport())))
	require.NoError(t, err)
	metric := families["lvsmark_service_connections_total"].GetMetric()
	require.Len(t, metric, 1)
	assert.Equal(t, 7.0, metric[0].GetUntyped().GetValue())
	assert.Equal(t, 4.0, families["lvsmark_real_server_passive_ports_used"].GetMetric()[0].GetGauge().GetValue())
}
