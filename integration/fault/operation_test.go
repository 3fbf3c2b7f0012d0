//go:build linux && amd64

package fault_test

import (
	"fmt"
	"path/filepath"
	"time"
)

// An operation is a run of lvsmark.
type operation struct {
	verb []string
	spec string // name of one of specs, or empty
}

func apply(spec string) operation { return operation{[]string{"apply"}, spec} }

// applyFile applies a plan that save wrote.
func (w *fixture) applyFile(spec string) operation {
	return operation{[]string{"apply", w.planFile()}, spec}
}

func (w *fixture) save(spec string) operation {
	return operation{[]string{"plan", "-O", w.planFile()}, spec}
}

func (w *fixture) planFile() string { return filepath.Join(w.specs, "plan") }

// applyConfirm applies with a rollback unless it is confirmed.
func applyConfirm(spec string, wait time.Duration) operation {
	return operation{[]string{"apply", "--confirm", wait.String()}, spec}
}

func confirm() operation { return operation{verb: []string{"confirm"}} }

func drain(spec string) operation { return operation{[]string{"apply", "--drain", "1s"}, spec} }

func remove() operation { return operation{verb: []string{"delete"}} }

func diff(spec string) operation { return operation{[]string{"diff"}, spec} }

// operationFor returns the operation that applies a spec; "" means delete.
func operationFor(spec string) operation {
	if spec == "" {
		return remove()
	}
	return apply(spec)
}

// A scenario is an operation that changes the kernel from one state to another.
type scenario struct {
	name     string
	from, to string // names of specs, as in operationFor
	operation
	byHand string    // nft script that adds objects to lvsmark's tables after from; empty: none
	then   operation // after from; without a verb: none
	again  operation // reaches the desired state after a failed run; without a verb: operationFor(to)
}

// planFileScenario is the name of the scenario that applies a plan file.
const planFileScenario = "apply of a plan file"

// scenarios returns scenarios with two specs. Together they change everything that an
// apply can change.
func scenarios(one, other string) []scenario {
	return []scenario{
		{name: "first apply", to: one, operation: apply(one)},
		{name: "apply of another spec", from: one, to: other, operation: apply(other)},
		{name: planFileScenario, from: one, to: other},
		{name: "apply --drain", from: one, to: other, operation: drain(other)},
		{name: "delete", from: other, operation: remove()},
	}
}

// drainServer drains a real server of the spec bound, which has no connections.
func drainServer(flags ...string) operation {
	return operation{append([]string{"drain", "ftp", "10.0.0.12"}, flags...), "bound"}
}

// drainScenarios drain a real server and give it its weight back. An apply also does that.
func drainScenarios() []scenario {
	return []scenario{
		{name: "drain", from: "bound", to: "bound", operation: drainServer(), again: drainServer()},
		{name: "drain --undo", from: "bound", to: "bound", operation: drainServer("--undo"), then: drainServer()},
		{name: "apply after a drain", from: "bound", to: "bound", operation: apply("bound"), then: drainServer()},
	}
}

// handMadeScenario applies another spec after objects were added by hand to the table.
func handMadeScenario() scenario {
	return scenario{name: "apply over hand-made objects", from: "marks", to: "other-marks", operation: apply("other-marks"), byHand: handMade}
}

// handMade adds objects of several kinds to the tables of the spec marks.
const handMade = `
add counter ip lvsmark c { packets 5 bytes 6 }
add quota ip lvsmark q { over 25 mbytes used 1 mbytes }
add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic; }
add chain ip lvsmark extra { type filter hook input priority 5; policy accept; }
add rule ip lvsmark prerouting tcp dport { 1, 2, 3 } counter
add rule ip lvsmark prerouting tcp dport vmap { 4 : drop, 5 : accept }
add rule ip lvsmark prerouting tcp dport 5 jump { ip saddr { 192.0.2.1, 192.0.2.7 } counter name c drop; accept; }
add rule ip lvsmark prerouting meter floods size 100 { ip saddr limit rate 5/second }
add rule ip lvsmark extra add @seen { ip saddr } quota name q
add rule ip6 lvsmark prerouting tcp dport { 7, 8 } drop
`

// specs returns specs for kernels with and without IPVS.
func specs() map[string]string {
	return map[string]string{
		"marks": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
director: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}
`,
		"other-marks": `
clusters:
  - {name: ftps, mark: 22, vips: [198.51.100.21], ftp: {control-ports: [21, 990], passive-ports: [10000-12999, 30000-30999], passive-shards: 4, shard-marks: 600, active-data: {translate: snat}}, real-servers: [{address: 10.0.0.12}]}
  - {name: web, mark: 80, vips: [198.51.100.80, 198.51.100.81, 198.51.100.82, 198.51.100.96/28, 198.18.0.0/16], only: {sources: [10.1.0.0/16], devices: [vip0, wan0], except-macs: ["02:00:00:00:00:02"]}, vip-device: vip0, ports: [80, 443, sctp/2905], forwarding: direct, real-servers: [{address: 10.0.0.11}]}
  - {name: rest, mark: 7, vips: [198.51.100.80, 198.51.100.90], ports: [all], forwarding: direct, real-servers: [{address: 10.0.0.11}]}
director: {bind: false, table: marks, ip-forward: false, marks: first-packet, keep-marks: true, local-clients: true}
`,
		"bound": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
director: {ipvs-timeouts: {tcp: 2h}, sysctls: {net.ipv4.vs.expire_nodest_conn: 1}, sync: {role: both, device: sync0, id: 1}}
`,
		"other-bound": `
clusters:
  - {name: ftps, mark: 21, vips: [198.51.100.21], ftp: {control-ports: [21, 990], passive-ports: 10000-19999, passive-shards: 4}, source-nat: masquerade, scheduler: rr, real-servers: [{address: 10.0.0.12, weight: 3}, {address: 10.0.0.13}]}
  - {name: web, mark: 80, vips: [198.51.100.80], vip-device: vip0, ports: [80], forwarding: direct, real-servers: [{address: 10.0.0.11, upper-threshold: 10, lower-threshold: 5}, {address: 10.0.0.12, forwarding: tunnel, tunnel: {type: gue, port: 6080, checksum: csum}}]}
  - {name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], one-packet: true, scheduler: sh, scheduler-flags: [sh-port, sh-fallback], forwarding: direct, real-servers: [{address: 10.0.0.14}]}
  - {name: alt, mark: 81, vips: [198.51.100.81], ports: [sctp/81], persistence: 0, real-servers: [{address: 10.0.0.15, port: 8081}]}
director: {ipvs-timeouts: {udp: 1m}, ip-forward: false, marks: first-packet, sync: {role: master, device: sync0, id: 2}}
`,
		"no-sync":    syncSpec(""),
		"synced":     syncSpec("sync: {role: both, device: sync0, id: 1}"),
		"other-sync": syncSpec("sync: {role: both, device: sync0, id: 2, maxlen: 1200, group: 224.0.0.82, port: 8900, ttl: 3}"),
	}
}

func syncSpec(director string) string {
	return fmt.Sprintf(`
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , forwarding: direct, real-servers: [{address: 10.0.0.11}]}
director: {%s}
`, director)
}

// Exit statuses of lvsmark.
const (
	statusDone  = 0
	statusError = 2
)
