//go:build linux && amd64

package fault_test

import (
	"path/filepath"
	"time"
)

// An operation is something that lvsmark is told to do.
type operation struct {
	verb []string
	spec string // name of one of specs, or empty
}

func apply(spec string) operation { return operation{[]string{"apply"}, spec} }

// applyFile applies a plan that saved wrote.
func (w *world) applyFile(spec string) operation {
	return operation{[]string{"apply", w.planFile()}, spec}
}

func (w *world) save(spec string) operation {
	return operation{[]string{"plan", "-O", w.planFile()}, spec}
}

func (w *world) planFile() string { return filepath.Join(w.specs, "plan") }

// applyOrNot applies what goes again unless it is confirmed.
func applyOrNot(spec string, wait time.Duration) operation {
	return operation{[]string{"apply", "--confirm", wait.String()}, spec}
}

func confirm() operation { return operation{verb: []string{"confirm"}} }

func drain(spec string) operation { return operation{[]string{"apply", "--drain", "1s"}, spec} }

func remove() operation { return operation{verb: []string{"delete"}} }

func diff(spec string) operation { return operation{[]string{"diff"}, spec} }

// towards is the operation that makes the kernel as the spec says; "" stands for
// nothing of lvsmark's.
func towards(spec string) operation {
	if spec == "" {
		return remove()
	}
	return apply(spec)
}

// A turn is an operation in a state from which it leads to another.
type turn struct {
	name     string
	from, to string // names of specs, as in towards
	operation
}

// planned is the name of the turn that applies a plan file.
const planned = "apply of a plan file"

// turns are those to be disturbed, between a spec and another one. All that an
// apply can change, changes.
func turns(one, other string) []turn {
	return []turn{
		{"first apply", "", one, apply(one)},
		{"apply of another spec", one, other, apply(other)},
		{planned, one, other, operation{}},
		{"apply --drain", one, other, drain(other)},
		{"delete", other, "", remove()},
	}
}

// specs are for kernels without IPVS and with it.
func specs() map[string]string {
	return map[string]string{
		"marks": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
director: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}
`,
		"other-marks": `
clusters:
  - {name: ftps, mark: 22, vips: [198.51.100.21], ftp: {control-ports: [21, 990], active-data: {translate: snat}}, real-servers: [{address: 10.0.0.12}]}
  - {name: web, mark: 80, vips: [198.51.100.80, 198.51.100.81, 198.51.100.82], vip-device: vip0, ports: [80, 443], forwarding: direct, real-servers: [{address: 10.0.0.11}]}
director: {bind: false, table: marks, ip-forward: false}
`,
		"bound": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
director: {ipvs-timeouts: {tcp: 2h}, sysctls: {net.ipv4.vs.expire_nodest_conn: 1}}
`,
		"other-bound": `
clusters:
  - {name: ftps, mark: 21, vips: [198.51.100.21], ftp: {control-ports: [21, 990]}, scheduler: rr, persistence: 1h, real-servers: [{address: 10.0.0.12, weight: 3}, {address: 10.0.0.13}]}
  - {name: web, mark: 80, vips: [198.51.100.80], vip-device: vip0, ports: [80], forwarding: direct, real-servers: [{address: 10.0.0.11}]}
director: {ipvs-timeouts: {udp: 1m}, ip-forward: false}
`,
	}
}

// exitStatuses of lvsmark.
const (
	statusDone  = 0
	statusError = 2
)
