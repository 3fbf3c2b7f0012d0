package lvsmark

import (
	"context"
	"crypto/rand"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

// A world is a network namespace that also has objects of other programs.
type world struct {
	t  *testing.T
	ns string
}

// foreignRuleset has other tables with lvsmark's names, and marks. Its rules have no
// counters, so that its text does not change.
const foreignRuleset = `table ip filter {
	set bound {
		type mark
		elements = { 0x00000015 }
	}

	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		meta mark set 0x00000007
	}
}
table inet lvsmark {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 22 accept
	}
}
`

// newWorld returns a world for a test without IPVS. Such tests are skipped with -short, as
// in an emulated VM.
func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs no IPVS: runs without -short")
	}
	return makeWorld(t)
}

func makeWorld(t *testing.T) *world {
	t.Helper()
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "sysctl")
	w := &world{t: t, ns: "lvsmark-test-" + strings.ToLower(rand.Text()[:8])}
	out, err := exec.Command("ip", "netns", "add", w.ns).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", w.ns).Run() })
	w.run("ip", "link", "add", "vip0", "type", "veth", "peer", "name", "vip1")
	w.run("ip", "address", "add", "192.0.2.1/24", "dev", "vip0")
	for _, device := range []string{"vip1", "vip0"} { // without link-local addresses, which appear later
		w.run("ip", "link", "set", device, "addrgenmode", "none")
		w.run("ip", "link", "set", device, "up")
	}
	w.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
	w.nft(foreignRuleset)
	return w
}

// newIPVSWorld returns a world that also has foreign IPVS services.
func newIPVSWorld(t *testing.T) *world {
	t.Helper()
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	w := makeWorld(t)
	w.ipvsadm("-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.80:80 -m -w 1\n-A -f 7 -s wlc -p 60\n-a -f 7 -r 10.0.0.7:0 -m -w 3\n")
	return w
}

// run runs a program in the namespace and returns what it prints.
func (w *world) run(args ...string) string {
	w.t.Helper()
	return w.runWith("", args...)
}

func (w *world) runWith(stdin string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", w.ns}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, "%v: %s\n%s", args, out, stdin)
	return string(out)
}

func (w *world) nft(script string)     { w.t.Helper(); w.runWith(script, "nft", "-f", "-") }
func (w *world) ipvsadm(script string) { w.t.Helper(); w.runWith(script, "ipvsadm", "-R") }

// state returns the text of everything that lvsmark could change.
func (w *world) state() string {
	w.t.Helper()
	return w.run("sh", "-c", stateScript)
}

// stateScript reads IPVS first, because loading the module creates sysctls.
const stateScript = `
if ipvsadm -Sn 2>/dev/null; then ipvsadm -L --timeout; ipvsadm -L --daemon; fi
nft list ruleset
ip -o address show scope global
cd /proc/sys/net
grep -s . ipv4/ip_forward ipv4/ip_default_ttl ipv6/conf/all/forwarding ipv4/vs/* || true
`

func (w *world) hasIPVS() bool {
	return exec.Command("ip", "netns", "exec", w.ns, "ipvsadm", "-Sn").Run() == nil
}

func (w *world) options() Options { return Options{NetNS: w.ns} }

// inEngine calls f with an engine, on a thread in the namespace. f must not end its
// goroutine, as require does.
func (w *world) inEngine(opts Options, f func(*engine) error) {
	w.t.Helper()
	_, err := inKernel(opts, func(e *engine) (struct{}, error) { return struct{}{}, f(e) })
	require.NoError(w.t, err)
}

func (w *world) apply(spec *config.Spec) *Plan {
	w.t.Helper()
	p, err := applySpec(w.t.Context(), spec, w.options())
	require.NoError(w.t, err)
	assertDistinct(w.t, p.Changes())
	return p
}

func (w *world) plan(spec *config.Spec) *Plan {
	w.t.Helper()
	p, err := PlanSpec(w.t.Context(), Known(spec), w.options())
	require.NoError(w.t, err)
	assertDistinct(w.t, p.Changes())
	return p
}

func (w *world) remove() *Plan {
	w.t.Helper()
	p, err := applyRemoval(w.t.Context(), w.options())
	require.NoError(w.t, err)
	return p
}

func applySpec(ctx context.Context, spec *config.Spec, opts Options) (*Plan, error) {
	return planned(ctx)(PlanSpec(ctx, Known(spec), opts))
}

func applyRemoval(ctx context.Context, opts Options) (*Plan, error) {
	return planned(ctx)(PlanRemoval(ctx, opts))
}

// planned returns a function that applies a plan, or returns the error of planning.
func planned(ctx context.Context) func(*Plan, error) (*Plan, error) {
	return func(p *Plan, err error) (*Plan, error) {
		if err != nil {
			return nil, err
		}
		return Apply(ctx, p)
	}
}

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

// Specs to apply over each other. The first needs no IPVS.
const (
	unboundSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
director: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}
`
	boundSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}, {address: "fd00::11"}]}
director: {ipvs-timeouts: {tcp: 2h}, sysctls: {net.ipv4.vs.expire_nodest_conn: 1}, sync: {role: both, device: vip0, id: 1}}
`
	otherSpec = `
clusters:
  - {name: ftps, mark: 22, vips: [198.51.100.21], ftp: {control-ports: [21, 990], active-data: {translate: snat}}, scheduler: rr, persistence: 1h, real-servers: [{address: 10.0.0.12, weight: 3}, {address: 10.0.0.13}]}
  - {name: web, mark: 80, vips: [198.51.100.80], vip-device: vip0, ports: [80, 443], forwarding: direct, real-servers: [{address: 10.0.0.11}]}
director: {table: marks, ipvs-timeouts: {udp: 1m}, ip-forward: false, sync: {role: master, device: vip0, id: 2, maxlen: 1000, group: 224.0.0.82, port: 8900, ttl: 3}}
`
	hooksSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], vip-device: vip0, ftp: , source-nat: masquerade, real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], source-nat: snat, real-servers: [{address: 10.0.0.12}]}
director: {keep-marks: true, local-clients: true}
`
)
