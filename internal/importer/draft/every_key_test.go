package draft_test

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/internal/render/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/render/keepalived"
)

// everyKey has each key of the spec, with another value than the zero value of package config.
const everyKey = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21, 198.51.100.32/28]
    vip-device: eth5
    only: {sources: [203.0.113.0/24], devices: [eth0], except-macs: ["02:00:00:00:00:02"]}
    ftp:
      control-ports: [21, 990]
      passive-ports: [10000-20000, 30000-30100]
      active-data: {translate: masquerade, source: 10.0.0.0/24, ports: [20, 989]}
    source-nat: masquerade
    scheduler: sh
    scheduler-flags: [sh-port, sh-fallback]
    persistence: 7m
    persistence-netmask: 24
    real-servers:
      - {name: rs1, address: 10.0.0.11, weight: 3, upper-threshold: 100, lower-threshold: 50}
      - {name: rs2, address: 10.0.0.12, forwarding: tunnel, tunnel: {type: gue, port: 6080, checksum: remcsum}}
  - name: sharded
    mark: 40
    vips: [198.51.100.60]
    ftp:
      passive-ports: 10000-10999
      passive-shards: 2
      shard-marks: 1021
      active-data: {translate: snat, source: 10.0.4.0/24, ports: [20]}
    scheduler: rr
    persistence: 0
    real-servers: [{address: 10.0.4.11, shard: 0}, {address: 10.0.4.12, shard: 1}]
  - name: dns
    mark: 53
    vips: [198.51.100.53]
    ports: [udp/53]
    forwarding: tunnel
    one-packet: true
    persistence: 0
    real-servers: [{address: 10.0.5.11}]
  - name: web
    mark: 80
    vips: [198.51.100.80]
    ports: [80]
    persistence: 0
    real-servers: [{address: 10.0.6.11, port: 8080}]
director:
  table: marks
  bind: true
  marks: first-packet
  keep-marks: true
  local-clients: true
  ip-forward: true
  ipvs-timeouts: {tcp: 2h, tcp-fin: 3m, udp: 6m}
  sysctls: {net.ipv4.vs.expire_nodest_conn: 1}
  sync: {role: both, device: eth1, id: 3, maxlen: 1400, group: 224.0.0.90, port: 8850, ttl: 2}
  vrrp:
    {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2], source: 192.0.2.1, interval: 2s,
     preempt: true, gateways: [{address: 10.0.0.1, device: eth1}]}
`

// left are the fields that no rule and no service has. The help of the targets names the keys.
var left = map[string]string{
	"Clusters.Name": "", "Clusters.RealServers.Name": "", "Director.Table": "", // names
	"Director.Bind":      "", // keepalived has the services
	"Director.IPForward": "ip-forward", "Director.Sysctls.Name": "sysctls", "Director.Sysctls.Value": "sysctls",
}

// leftByIPVSAdm are the fields that keepalived.conf has besides.
var leftByIPVSAdm = map[string]string{"Clusters.VIPDevice": "vip-device", "Director.VRRP": "vrrp"}

// TestEveryKey renders a spec with every key for iptables and ipvsadm, or keepalived, and imports
// the result: each field comes back, or the help of the target names its key.
func TestEveryKey(t *testing.T) {
	spec, _, err := config.Parse("spec", strings.NewReader(everyKey))
	require.NoError(t, err)
	sample := map[string][]string{}
	collect(sample, "", "", reflect.ValueOf(*spec))
	for _, path := range fields("", reflect.TypeFor[config.Spec]()) {
		assert.NotEmpty(t, sample[path], "everyKey has no value for %s", path)
	}
	for _, target := range []render.Target{ipvsadm.Target(), keepalived.Target()} {
		text, err := target.Render(spec, render.Options{})
		require.NoError(t, err)
		if target.Name == "keepalived" { // with bind: true it has the VIPs, with false the services too
			spec.Director.Bind = false
			text, err = target.Render(spec, render.Options{})
			require.NoError(t, err)
		}
		old, err := importer.ReadAll([]importer.File{load(t, "rules", iptables.Text(spec)), load(t, target.Name, text)})
		require.NoError(t, err)
		d := draft.New(old)
		require.NoError(t, d.Check(old))
		imported, _, err := config.Parse("imported", strings.NewReader(d.Text()))
		require.NoError(t, err, d.Text())
		have := map[string][]string{}
		collect(have, "", "", reflect.ValueOf(*imported))
		for _, path := range slices.Sorted(maps.Keys(sample)) {
			key, isLeft := left[path]
			if other, more := leftByIPVSAdm[path]; target.Name == "ipvsadm" && (more || strings.HasPrefix(path, "Director.VRRP.")) {
				key, isLeft = other, true
			}
			if isLeft {
				assert.Contains(t, iptables.Target().Long+ipvsadm.Target().Long, key)
				continue
			}
			assert.Equal(t, sample[path], have[path], "%s: %s\n%s", target.Name, path, d.Text())
		}
	}
}

// isLeaf reports whether a type is compared as a whole.
func isLeaf(of reflect.Type) bool {
	return of.Kind() != reflect.Struct || of == reflect.TypeFor[netip.Addr]() || of == reflect.TypeFor[config.AddressRange]() || of == reflect.TypeFor[config.PortRange]()
}

// fields returns the paths of all fields below a type.
func fields(path string, of reflect.Type) (list []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && !isLeaf(of.Elem()) && of.Elem().PkgPath() == reflect.TypeFor[config.Spec]().PkgPath() {
		of = of.Elem()
	}
	if isLeaf(of) {
		return []string{path}
	}
	for field := range of.Fields() {
		list = append(list, fields(strings.TrimPrefix(path+"."+field.Name, "."), field.Type)...)
	}
	return list
}

// collect adds each value below v that is not zero, with the mark and the real server that it
// belongs to.
func collect(values map[string][]string, path, owner string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			collect(values, path, owner, v.Elem())
		}
	case v.Kind() == reflect.Slice && len(fields(path, v.Type())) > 1:
		for i := range v.Len() {
			of := owner
			switch item := v.Index(i).Interface().(type) {
			case config.Cluster:
				of = fmt.Sprint(item.Mark)
			case config.RealServer:
				of += fmt.Sprint(" ", item.Address)
			}
			collect(values, path, of, v.Index(i))
		}
	case v.IsZero():
	case isLeaf(v.Type()):
		text := fmt.Sprint(v.Interface())
		if v.Kind() == reflect.Slice {
			words := strings.Fields(strings.Trim(text, "[]"))
			slices.Sort(words)
			text = strings.Join(words, " ")
		}
		values[path] = append(values[path], strings.TrimSpace(owner+": "+text))
		slices.Sort(values[path])
	default:
		for i := range v.NumField() {
			collect(values, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), owner, v.Field(i))
		}
	}
}
