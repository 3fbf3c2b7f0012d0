package targets_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/targets"
	"github.com/lvsmark/lvsmark/internal/render/vsftpd"
)

const webOnly = `
clusters:
  - name: web
    mark: 80
    vips: [198.51.100.80]
    ports: [80, 443]
    real-servers: [{address: 10.0.0.11}]
`

func TestHelp(t *testing.T) {
	seen := make(map[string]bool)
	for _, target := range targets.All() {
		assert.Regexp(t, `^[a-z][a-z0-9-]*$`, target.Name)
		assert.False(t, seen[target.Name], "two targets have the name %s", target.Name)
		seen[target.Name] = true

		assert.NotEmpty(t, target.Summary, target.Name)
		assert.NotContains(t, target.Summary, "\n", target.Name)
		assert.True(t, strings.HasPrefix(target.Long, "Render "+target.Name+" prints "), "%s: %s", target.Name, target.Long)
		for line := range strings.Lines(target.Example) {
			assert.True(t, strings.HasPrefix(line, "  lvsmark render "+target.Name), "%s: %s", target.Name, line)
		}
		assert.NotEmpty(t, target.Example, target.Name)
	}
	assert.NotEmpty(t, seen)
}

// TestRender renders specs for each target. The example has something for each target. For
// the other specs, a target returns text, or an error of one line.
func TestRender(t *testing.T) {
	example := load(t, "../../../config/testdata/example.yaml")
	specs := map[string]*config.Spec{
		"web only":     parse(t, webOnly),
		"marks only":   parse(t, webOnly+"director: {bind: false}\n"),
		"IPv6":         parse(t, strings.NewReplacer("198.51.100.80", `"2001:db8::80"`, "10.0.0.11", `"fd00::11"`).Replace(webOnly)),
		"low passives": parse(t, strings.Replace(webOnly, "ports: [80, 443]", "ftp: {passive-ports: 600-1000}", 1)),
	}
	for _, target := range targets.All() {
		t.Run(target.Name, func(t *testing.T) {
			text, err := target.Render(example, render.Options{})
			require.NoError(t, err)
			isText(t, text)
			for name, spec := range specs {
				text, err := target.Render(spec, render.Options{})
				if err == nil {
					isText(t, text)
					continue
				}
				assert.Empty(t, text, name)
				assert.Regexp(t, `^(the spec has no |cluster )[^\n]*[^.\n]$`, err.Error(), name)
			}
		})
	}
}

// TestTakesCluster: Render uses Options.Cluster if and only if TakesCluster is set.
func TestTakesCluster(t *testing.T) {
	spec := parse(t, webOnly+`
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {}
    real-servers: [{address: 10.0.0.11}]
  - name: ftps
    mark: 22
    vips: [198.51.100.22]
    ftp: {control-ports: [990]}
    real-servers: [{address: 10.0.0.12}]
`)
	require.Equal(t, []string{"ftp", "ftps"}, render.FTPNames(spec))
	for _, target := range targets.All() {
		t.Run(target.Name, func(t *testing.T) {
			all, err := target.Render(spec, render.Options{})
			require.NoError(t, err)
			if !target.TakesCluster {
				text, err := target.Render(spec, render.Options{Cluster: "absent"})
				require.NoError(t, err)
				assert.Equal(t, all, text)
				return
			}
			var each []string
			for _, name := range render.FTPNames(spec) {
				text, err := target.Render(spec, render.Options{Cluster: name})
				require.NoError(t, err)
				isText(t, text)
				each = append(each, text)
			}
			assert.Equal(t, strings.Join(each, "\n"), all)
			for _, name := range []string{"absent", "web"} {
				_, err := target.Render(spec, render.Options{Cluster: name})
				assert.EqualError(t, err, `the spec has no FTP cluster "`+name+`": it has ftp, ftps`)
			}
		})
	}
}

func isText(t *testing.T, text string) {
	t.Helper()
	assert.Regexp(t, `\S\n$`, text)
}

func load(t *testing.T, file string) *config.Spec {
	t.Helper()
	spec, _, err := config.Load(file)
	require.NoError(t, err)
	return spec
}

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err, text)
	return spec
}

// TestOneServer: a real server gets the settings of a cluster that has only this one. With direct
// and tunnel forwarding, the director translates neither its clients nor its active data.
func TestOneServer(t *testing.T) {
	const text = `clusters:
- name: ftp
  mark: 21
  vips: [198.51.100.21, "2001:db8::21"]
  ftp: {control-ports: [21, 990], active-data: {ports: [2000, 2989]}}
  source-nat: masquerade
  real-servers: [REAL]
`
	servers := map[string]string{
		"nat":    "{name: nat, address: 10.0.0.11}",
		"direct": "{name: direct, address: 10.0.0.12, forwarding: direct}",
		"tunnel": "{name: tunnel, address: \"fd00::13\", forwarding: tunnel}",
		"nat6":   "{name: nat6, address: \"fd00::14\"}",
	}
	spec := parse(t, strings.Replace(text, "REAL", strings.Join(slices.Sorted(maps.Values(servers)), ", "), 1))
	everyServer, err := vsftpd.Target().Render(spec, render.Options{})
	require.NoError(t, err)
	assert.Contains(t, everyServer, "render the settings of such a real server with --server")
	for name, server := range servers {
		alone := strings.Replace(text, "REAL", server, 1)
		if strings.Contains(server, "fd00") {
			alone = strings.Replace(alone, "198.51.100.21, ", "", 1)
		} else {
			alone = strings.Replace(alone, ", \"2001:db8::21\"", "", 1)
		}
		if strings.Contains(server, "forwarding") {
			alone = strings.NewReplacer("  source-nat: masquerade\n", "", ", active-data: {ports: [2000, 2989]}", "", "  real-servers", "  forwarding: "+name+"\n  real-servers").Replace(alone)
		}
		for _, target := range targets.All() {
			if !target.TakesCluster {
				continue
			}
			want, err := target.Render(parse(t, alone), render.Options{Server: name})
			require.NoError(t, err)
			got, err := target.Render(spec, render.Options{Server: name})
			require.NoError(t, err)
			assert.Equal(t, want, got, target.Name)
			assert.NotContains(t, got, "--server")
			assert.Equal(t, strings.Contains(name, "nat"), strings.Contains(got, "source-nat"), "%s", got)
		}
	}
}
