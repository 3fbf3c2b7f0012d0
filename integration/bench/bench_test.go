package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestSmoke runs all sections without IPVS at small sizes: all contenders work, and
// their results in the kernel are correct.
func TestSmoke(t *testing.T) {
	need.NFTables(t)
	need.Kernel(t, 5, 18)
	need.Programs(t, "ip", "nft", "ipset", "iptables-legacy", "iptables-legacy-restore", "iptables-legacy-save", "ip6tables-legacy-restore", "iptables-nft-restore", "iptables-nft-save")
	f := &flags{
		Options: measure.Options{Lvsmark: need.Lvsmark(t), Smoke: true, Log: t.Logf},
		json:    filepath.Join(t.TempDir(), "rows.json"),
	}
	var text strings.Builder
	rows, err := f.run(&text)
	require.NoError(t, err)
	t.Log(text.String())
	written, err := measure.ReadFile(f.json)
	require.NoError(t, err)
	assert.Equal(t, rows, written)

	seen := map[string]bool{}
	for _, r := range rows {
		assert.False(t, seen[r.Section+r.Name], "two rows %q", r.Name)
		seen[r.Section+r.Name] = true
		assert.Positive(t, r.Rounds, r.Name)
		assert.NotZero(t, r.Median, r.Name)
		assert.NotEmpty(t, r.On, r.Name)
		assert.Empty(t, r.Bar, r.Name)
		assert.Contains(t, text.String(), r.Name)
	}
	for _, s := range []string{"data plane", "control plane", "memory", "scale"} {
		assert.Contains(t, text.String(), "**"+s+"**")
	}
}

// TestRefusals: invalid flags are an error before any measurement.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		flags
		message string
	}{
		{flags{}, "LVSMARK_BIN"},
		{flags{Options: measure.Options{Lvsmark: "x", Smoke: true}, record: true}, "-smoke"},
		{flags{Options: measure.Options{Lvsmark: "x"}, only: "scale,speed"}, `no section "speed"; there are `},
	} {
		var text strings.Builder
		_, err := c.run(&text)
		require.ErrorContains(t, err, c.message)
		assert.Empty(t, text.String())
	}
}

func TestChoose(t *testing.T) {
	all, err := choose("", false)
	require.NoError(t, err)
	assert.NotEmpty(t, all)
	for _, s := range all {
		assert.False(t, s.ipvs, s.name)
	}
	one, err := choose("scale", false)
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "scale", one[0].name)
	bound, err := choose("", true)
	require.NoError(t, err)
	for _, s := range bound {
		assert.True(t, s.ipvs, s.name)
		assert.False(t, s.byName, s.name)
	}
	large, err := choose("services-large", true)
	require.NoError(t, err)
	assert.Len(t, large, 1)
	none, err := choose("scale", true)
	require.NoError(t, err)
	assert.Empty(t, none)
}

// exampleRows returns a row that keeps its bar, one that misses it, and one without a
// bar.
func exampleRows() []measure.Row {
	row := measure.Row{Section: "control plane", Name: "first apply", Of: "a", To: "b", Unit: "ms", OfMedian: 1, ToMedian: 2, Median: 0.5, Low: 0.4, High: 0.6, Rounds: 3, Bar: measure.AtMost(1)}
	missed, plain := row, row
	missed.Name, missed.Bar = "diff", measure.AtMost(0.1)
	plain.Name, plain.Bar = "floor", measure.Bar{}
	return []measure.Row{row, missed, plain}
}

// TestRecord: a run with -record writes both files, and the next run compares with
// them. The rows come from -join.
func TestRecord(t *testing.T) {
	directory := t.TempDir()
	joined, page := filepath.Join(directory, "joined.json"), filepath.Join(directory, "page.md")
	require.NoError(t, measure.WriteFile(joined, exampleRows()))
	require.NoError(t, os.WriteFile(page, []byte("above\n"+tableBegins+"\nold\n"+tableEnds+"\nbelow\n"), 0o644))
	f := &flags{
		Options: measure.Options{Lvsmark: "unused"}, only: "scale", ipvs: true, // nothing is measured here
		join: joined, recorded: filepath.Join(directory, "bench.json"), page: page, record: true,
	}
	var text strings.Builder
	rows, err := f.run(&text)
	require.NoError(t, err)
	assert.Equal(t, exampleRows(), rows)
	assert.Contains(t, text.String(), "| MISSED |")
	assert.Contains(t, text.String(), "\nBars: 1 kept, 1 missed.\n")
	assert.NotContains(t, text.String(), "Moved")

	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(written), "above\n"+tableBegins+"\n\n**control plane**\n"), string(written))
	assert.True(t, strings.HasSuffix(string(written), "|\n\n"+tableEnds+"\nbelow\n"), string(written))
	assert.NotContains(t, string(written), "old")

	slower := exampleRows()
	slower[0].Low, slower[0].Median, slower[0].High = 1.4, 1.5, 1.6
	require.NoError(t, measure.WriteFile(joined, slower))
	f.record = false
	text.Reset()
	_, err = f.run(&text)
	require.NoError(t, err)
	assert.Contains(t, text.String(), "\nMoved beyond the spread since the record: 1.\nworse: control plane: first apply: ")
	recorded, err := measure.ReadFile(f.recorded)
	require.NoError(t, err)
	assert.Equal(t, exampleRows(), recorded)
}

// TestPage: docs/performance.md has the table of docs/bench.json.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/performance.md")
	require.NoError(t, err)
	rows, err := measure.ReadFile("../../docs/bench.json")
	require.NoError(t, err)
	want, err := withTable(string(page), rows)
	require.NoError(t, err)
	assert.Equal(t, want, string(page))
}
