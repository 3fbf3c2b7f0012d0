package metrics

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// families are the families of metrics in the order of their names, and an index.
type families struct {
	list   []*dto.MetricFamily
	byName map[string]*dto.MetricFamily
}

// newFamilies returns all families without metrics.
func newFamilies() *families {
	f := &families{byName: map[string]*dto.MetricFamily{}}
	for _, gauge := range []struct{ name, help string }{
		{"timestamp_seconds", "Unix time at which the status was read."},
		{"in_sync", "1 if the kernel matches the spec, else 0."},
		{"differences", "Number of changes that an apply would make."},
		{"cluster_in_sync", "1 if all services of the cluster match the spec, else 0."},
		{"service_in_sync", "1 if the IPVS service matches the spec, else 0."},
		{"real_server_in_sync", "1 if the real server matches the spec, else 0."},
		{"real_server_drained", "1 if lvsmark drain has set the weight to 0, else 0."},
		{"real_server_weight", "Weight in the kernel."},
		{"real_server_active_connections", "Established connections."},
		{"real_server_inactive_connections", "Connections that are not established, and those of UDP."},
		{"real_server_persistence_templates", "Clients that persistence keeps on the real server."},
		{"real_server_passive_ports", "Passive FTP ports of the real server."},
		{"real_server_passive_ports_used", "Passive FTP ports with an established connection."},
	} {
		f.add(gauge.name, gauge.help, dto.MetricType_GAUGE)
	}
	for of, text := range map[string]string{"service": "the IPVS service", "real_server": "the real server"} {
		f.add(of+"_connections_total", "Connections of "+text+".", dto.MetricType_COUNTER)
		f.add(of+"_packets_total", "Packets of "+text+"; direction in is from clients.", dto.MetricType_COUNTER)
		f.add(of+"_bytes_total", "Bytes of "+text+"; direction in is from clients.", dto.MetricType_COUNTER)
	}
	slices.SortFunc(f.list, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return f
}

func (f *families) add(name, help string, as dto.MetricType) {
	name = "lvsmark_" + name
	family := &dto.MetricFamily{Name: &name, Help: &help, Type: &as}
	f.list = append(f.list, family)
	f.byName[name] = family
}

// A label is a name and a value.
type label struct{ name, value string }

// pairs returns the labels in the form of the model.
func pairs(labels []label) []*dto.LabelPair {
	list := make([]*dto.LabelPair, len(labels))
	for i, l := range labels {
		list[i] = &dto.LabelPair{Name: &l.name, Value: &l.value}
	}
	return list
}

func (f *families) gauge(name string, value float64, labels ...label) {
	family := f.byName["lvsmark_"+name]
	family.Metric = append(family.Metric, &dto.Metric{Label: pairs(labels), Gauge: &dto.Gauge{Value: &value}})
}

func (f *families) counter(name string, n uint64, labels ...label) {
	family, value := f.byName["lvsmark_"+name], float64(n)
	family.Metric = append(family.Metric, &dto.Metric{Label: pairs(labels), Counter: &dto.Counter{Value: &value}})
}
