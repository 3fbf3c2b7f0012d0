// Package metrics encodes a status report as OpenMetrics, with the encoder of the
// Prometheus client. It fills the client's model by itself: the package prometheus of
// client_golang would add milliseconds to the start of every verb.
package metrics

import (
	"io"
	"strconv"
	"time"

	"github.com/prometheus/common/expfmt"

	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Write writes the report in the OpenMetrics text format. A textfile collector reads it too,
// and takes counters as untyped.
func Write(w io.Writer, r *status.Report, at time.Time) error {
	f := newFamilies()
	f.report(r, at)
	encoder := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeOpenMetrics))
	for _, family := range f.list {
		if len(family.Metric) == 0 {
			continue
		}
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close() // writes "# EOF"
	}
	return nil
}

func (f *families) report(r *status.Report, at time.Time) {
	f.gauge("timestamp_seconds", float64(at.Unix()))
	f.gauge("in_sync", truth(r.InSync))
	f.gauge("differences", float64(r.Differences.Addresses), label{"part", "addresses"})
	f.gauge("differences", float64(r.Differences.Marks), label{"part", "marks"})
	f.gauge("differences", float64(r.Differences.Services), label{"part", "services"})
	f.gauge("differences", float64(r.Differences.Settings), label{"part", "settings"})
	states := clusterStates(r.Clusters)
	for _, cluster := range r.Clusters {
		if value, first := states[cluster.Name]; first {
			f.gauge("cluster_in_sync", value, label{"cluster", cluster.Name})
			delete(states, cluster.Name)
		}
		for _, s := range cluster.Services {
			f.service(cluster.Name, s)
		}
	}
}

// clusterStates returns the lowest value of each name. With another mark in the spec than in the
// kernel, two clusters have the name, and two values of the same labels are an error to
// Prometheus.
func clusterStates(clusters []status.Cluster) map[string]float64 {
	states := make(map[string]float64, len(clusters))
	for _, c := range clusters {
		value, twice := states[c.Name]
		if !twice {
			value = 1
		}
		states[c.Name] = min(value, inSync(c.State))
	}
	return states
}

func (f *families) service(cluster string, s status.Service) {
	labels := []label{{"cluster", cluster}, {"mark", strconv.FormatUint(uint64(s.Mark), 10)}, {"family", s.Family}}
	f.gauge("service_in_sync", inSync(s.State), labels...)
	f.counters("service", s.Totals, labels)
	for _, r := range s.RealServers {
		f.server(r, append(labels[:3:3], label{"server", r.Name}, label{"address", r.Address}, label{"port", strconv.Itoa(int(r.Port))}))
	}
}

func (f *families) server(r status.RealServer, labels []label) {
	f.gauge("real_server_in_sync", inSync(r.State), labels...)
	f.gauge("real_server_drained", truth(r.State == status.Drained), labels...)
	if r.Weight == nil {
		return
	}
	f.gauge("real_server_weight", float64(*r.Weight), labels...)
	f.gauge("real_server_active_connections", float64(r.Active), labels...)
	f.gauge("real_server_inactive_connections", float64(r.Inactive), labels...)
	f.gauge("real_server_persistence_templates", float64(r.Persistent), labels...)
	f.counters("real_server", r.Totals, labels)
	if r.Passive != nil {
		f.gauge("real_server_passive_ports", float64(r.Passive.Ports), labels...)
		f.gauge("real_server_passive_ports_used", float64(r.Passive.Used), labels...)
	}
}

func (f *families) counters(of string, t ipvs.Counters, labels []label) {
	in, out := append(labels[:len(labels):len(labels)], label{"direction", "in"}), append(labels[:len(labels):len(labels)], label{"direction", "out"})
	f.counter(of+"_connections_total", t.Connections, labels...)
	f.counter(of+"_packets_total", t.PacketsIn, in...)
	f.counter(of+"_packets_total", t.PacketsOut, out...)
	f.counter(of+"_bytes_total", t.BytesIn, in...)
	f.counter(of+"_bytes_total", t.BytesOut, out...)
}

// inSync returns 1 also for what another program manages.
func inSync(s status.State) float64 { return truth(s == status.InSync || s == status.Unbound) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
