package nft_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/nft"
)

const findingSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80, 443], real-servers: [{address: 10.0.0.11}]}
  - {name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], real-servers: [{address: 10.0.0.11}]}
director: {bind: false}
`

// foreignEdits returns rulesets to apply one after the other. They differ in elements, ports,
// profiles, translation, names, families and map sizes.
func foreignEdits(t *testing.T) []*nft.Ruleset {
	t.Helper()
	const servers = "real-servers: [{address: 10.0.0.11}]}"
	var rulesets []*nft.Ruleset
	for _, yaml := range []string{
		findingSpec,
		"clusters:\n  - {name: a, mark: 21, vips: [198.51.100.21, 198.51.100.23], ftp: , " + servers,
		"clusters:\n  - {name: a, mark: 22, vips: [198.51.100.21, 198.51.100.23], ftp: {passive-ports: 30000-40000, active-data: {translate: snat, ports: [20, 989]}}, " + servers,
		healSpec, otherSpec,
		"clusters:\n  - {name: a, mark: 21, vips: [198.51.100.21], ports: [80], " + servers + "\ndirector: {table: marks}",
	} {
		if strings.Contains(yaml, "snat") {
			yaml = strings.Replace(yaml, ", 198.51.100.23]", "]", 1)
		}
		rulesets = append(rulesets, rehearse(t, parse(t, yaml)))
	}
	many, err := nft.Rehearse(nft.Compile(manyVIPs(t, 600)))
	require.NoError(t, err)
	return append(rulesets, many, &nft.Ruleset{})
}

// TestForeignUntouched loads the tables of other programs before, between and after edits of
// lvsmark's tables. The other tables keep their contents and handles.
func TestForeignUntouched(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "programs", "*.*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	edits := foreignEdits(t)
	for _, file := range files {
		file = filepath.Base(file)
		for when, place := range map[string]int{"before": 0, "between": 4, "after": len(edits) - 1} {
			t.Run(file+" "+when, func(t *testing.T) {
				inScratch(t, func() {
					conn := dial(t)
					before := ""
					for i, to := range edits {
						if i == place {
							load(t, file)
							before = others(t, conn)
						}
						assert.NotEmpty(t, apply(t, conn, to))
						if i >= place && (place == 0 || i == len(edits)-1) {
							require.Equal(t, before, others(t, conn), "edit %d", i)
						}
					}
					assert.Empty(t, snapshot(t, conn).Tables)
				})
			})
		}
	}
}

// others returns everything in nf_tables that is not lvsmark's, with handles.
func others(t *testing.T, conn *nft.Conn) string {
	t.Helper()
	ours := map[string]bool{}
	for _, table := range snapshot(t, conn).Tables {
		ours[table.String()] = true
	}
	var list strings.Builder
	skip := false
	for line := range strings.Lines(run(t, "", "-a", "list", "ruleset")) {
		if name, _, isTable := strings.Cut(line, " {"); isTable && strings.HasPrefix(line, "table ") {
			skip = ours[name]
		}
		if !skip && !strings.HasPrefix(line, "#") { // a warning of nft, in no fixed order
			list.WriteString(line)
		}
	}
	return list.String() + saved(t, "iptables-nft-save")
}

// saved returns the output of an iptables save program, without comments, which contain the
// time.
func saved(t *testing.T, program string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		return ""
	}
	out, err := exec.Command(program).Output()
	require.NoError(t, err)
	var rules strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			rules.WriteString(line)
		}
	}
	return rules.String()
}

// TestLegacyUntouched does the same with iptables-legacy, which does not use nf_tables.
func TestLegacyUntouched(t *testing.T) {
	const restorer = "iptables-legacy-restore"
	if err := exec.Command("unshare", "-n", "iptables-legacy", "-L").Run(); err != nil {
		t.Skip("needs a kernel with iptables-legacy: ", err)
	}
	edits := foreignEdits(t)
	for _, file := range []string{"docker.rules", "kube-proxy.rules", "tailscale.rules"} {
		t.Run(file, func(t *testing.T) {
			inScratch(t, func() {
				rules, err := os.ReadFile(filepath.Join("testdata", "programs", file))
				require.NoError(t, err)
				restore(t, restorer, string(rules))
				before := saved(t, "iptables-legacy-save")
				require.NotEmpty(t, before)
				conn := dial(t)
				for _, to := range edits {
					assert.NotEmpty(t, apply(t, conn, to))
					require.Equal(t, before, saved(t, "iptables-legacy-save"))
				}
			})
		})
	}
}

// load loads a file of testdata/programs with its program.
func load(t *testing.T, file string) {
	t.Helper()
	file = filepath.Join("testdata", "programs", file)
	if filepath.Ext(file) == ".nft" {
		run(t, "", "-f", file)
		return
	}
	need.Programs(t, "iptables-nft-restore")
	rules, err := os.ReadFile(file)
	require.NoError(t, err)
	restore(t, "iptables-nft-restore", string(rules))
}

func restore(t *testing.T, program, rules string) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, rules)
}
