package versions

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/nftlist"
)

// specs cover each form of set, map, chain and rule that lvsmark writes.
var specs = map[string]string{
	"rules": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8:1::21"], ftp: {control-ports: [21, 990], passive-ports: 10000-20000, active-data: {translate: snat, ports: [20, 989]}}, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}, {address: "fd00:10::11"}]}
  - {name: large, mark: 0x80000022, vips: [198.51.100.22, 203.0.113.5], ftp: {passive-ports: 30000-40000, active-data: {translate: masquerade}}, real-servers: [{address: 10.1.0.11}]}
director: {bind: false, ip-forward: false}
`,
	"verdict map": `
clusters:
  - {name: a, mark: 1, vips: [198.51.100.21, "2001:db8:1::21"], ftp: {passive-ports: 10000-20000}, real-servers: [{address: 10.0.0.11}, {address: "fd00:10::11"}]}
  - {name: b, mark: 2, vips: [198.51.100.22], ftp: {passive-ports: 15000-25000}, real-servers: [{address: 10.0.0.11}]}
  - {name: c, mark: 3, vips: [198.51.100.23, 198.51.100.24], ports: [udp/53, 80, 8000-8010], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`,
	"intervals": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: {active-data: {translate: masquerade, source: 10.0.0.0/24}}, real-servers: [{address: 10.0.0.11}]}
  - {name: other, mark: 22, vips: [198.51.100.22], ftp: {active-data: {translate: snat, source: 10.1.0.0/25}}, real-servers: [{address: 10.1.0.11}]}
director: {bind: false, ip-forward: false, table: marks}
`,
	"networks": `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.32/30, 198.18.0.0/16, "2001:db8:1::/64"], ftp: {passive-ports: [2000-2999, 10000-20000]}, real-servers: [{address: 10.0.0.11}, {address: "fd00:10::11"}]}
  - {name: inner, mark: 22, vips: [198.18.4.0-198.18.7.7], ftp: {passive-ports: [2000-2999, 10000-20000]}, real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false, marks: first-packet}
`,
	"further keys": `
clusters:
  - {name: some, mark: 21, vips: [198.51.100.21], only: {sources: [203.0.113.0/24, 192.0.2.1], devices: [wan0, bond0.7], except-macs: ["02:00:00:00:00:02"]}, ports: [80, sctp/2905], real-servers: [{address: 10.0.0.11}]}
  - {name: rest, mark: 22, vips: [198.51.100.21], ports: [all], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false, keep-marks: true, local-clients: true}
`,
}

// settings is a spec with settings in the ledger.
const settings = `
clusters:
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}
`

// TestReload loads nft's listing of applied specs: nft lists the same again, and
// lvsmark finds no difference.
func TestReload(t *testing.T) {
	all := maps.Clone(specs)
	all["settings"] = settings
	for name, spec := range all {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, spec)
			d.lvsmark(0, "apply")
			listed := d.nft("", "list", "ruleset")
			assert.NotEmpty(t, listed)
			d.nft("", "flush", "ruleset")
			d.nft(listed, "-f", "-")
			assert.Equal(t, listed, d.nft("", "list", "ruleset"))
			assert.Equal(t, "no difference\n", d.lvsmark(0, "diff"))
			assert.Equal(t, "nothing to do\n", d.lvsmark(0, "apply"))
		})
	}
}

// TestReloadJSON does the same with nft's JSON, which has no comments of sets, and before
// nft 1.1.3 none of tables and chains: lvsmark knows its tables, finds only the comments
// missing, and restores them.
func TestReloadJSON(t *testing.T) {
	all := maps.Clone(specs)
	all["settings"] = settings
	for name, spec := range all {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, spec)
			d.lvsmark(0, "apply")
			listed := d.nft("", "list", "ruleset")
			saved := d.nft("", "-j", "list", "ruleset")
			d.nft("", "flush", "ruleset")
			if out, err := d.namespace.Run(saved, "nft", "-j", "-f", "-"); err != nil {
				// nft loads elements before the chains that they lead to.
				assert.Equal(t, "verdict map", name, out)
				d.nft(withoutComments(listed), "-f", "-")
			}

			lines := strings.Split(strings.TrimSpace(d.lvsmark(1, "diff")), "\n")
			for _, line := range lines[:len(lines)-2] {
				assert.Regexp(t, `^(kernel|table ip6? [a-z]+|  ~ (table|map|set|chain) .*comment ".*"(\)| }))$`, line)
			}
			assert.Regexp(t, `^0 to add, \d+ to change, 0 to delete; safe$`, lines[len(lines)-1])
			d.lvsmark(0, "apply")
			assert.Equal(t, "no difference\n", d.lvsmark(0, "diff"))
			assert.Equal(t, sortedLines(listed), sortedLines(d.nft("", "list", "ruleset")))
		})
	}
}

// withoutComments removes the comments of tables, sets and chains.
func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "comment ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func sortedLines(text string) []string { return slices.Sorted(strings.Lines(text)) }

// TestRendered loads the output of `lvsmark render nft`: nft lists exactly that, in the
// form of its version, and lvsmark finds no difference.
func TestRendered(t *testing.T) {
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			d := newDirector(t, spec)
			rendered := d.lvsmark(0, "render", "nft")
			d.nft(rendered, "-f", "-")
			assert.Equal(t, d.version.ListedBy(rendered), nftlist.Uncounted(d.nft("", "list", "ruleset")))
			assert.Equal(t, "no difference\n", d.lvsmark(0, "diff"))
		})
	}
}

// A director is a network namespace and its spec.
type director struct {
	t         *testing.T
	namespace *equivalence.Namespace
	program   string
	spec      string // path
	version   nftlist.Version
}

func newDirector(t *testing.T, spec string) *director {
	need.NFTables(t)
	need.Programs(t, "nft")
	at, err := equivalence.NewNamespace()
	require.NoError(t, err)
	t.Cleanup(func() { _ = at.Close() })
	version, err := nftlist.Installed(t.Context())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(spec), 0o644))
	return &director{t, at, need.Lvsmark(t), path, version}
}

func (d *director) nft(stdin string, args ...string) string {
	d.t.Helper()
	out, err := d.namespace.Run(stdin, "nft", args...)
	require.NoError(d.t, err, stdin)
	return out
}

// lvsmark runs lvsmark, requires the exit status, and returns the standard output.
func (d *director) lvsmark(status int, args ...string) string {
	d.t.Helper()
	out, err := d.namespace.Run("", "sh", append([]string{"-c", fmt.Sprintf(`"$@"; [ $? = %d ]`, status), "sh", d.program, "-c", d.spec}, args...)...)
	require.NoError(d.t, err, out)
	return out
}
