package lvsmark

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/page"
	"github.com/lvsmark/lvsmark/ipvs"
)

// pageBefore is the spec of the diffs in README.md and docs/operations.md, before the edit.
const pageBefore = `clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {passive-ports: 10000-20000%s}
    real-servers: [{name: rs1, address: 10.0.0.11}, {name: rs2, address: 10.0.0.12}]
`

// TestPagesDiff compares the diffs in the pages with the plans of these edits.
func TestPagesDiff(t *testing.T) {
	for _, test := range []struct {
		path, ftp  string
		rs1, rs2   ipvs.Connections
		edits      []string // old and new texts
		notInPlans string   // part of the last line, which only the command line prints
	}{
		{
			"README.md", "",
			ipvs.Connections{Active: 10, Inactive: 2, Persistent: 12},
			ipvs.Connections{Active: 12, Persistent: 12},
			nil, "0 to add, 1 to change, 2 to delete; ",
		},
		{
			"docs/operations.md", ", active-data: {source: 10.0.0.0/24}",
			ipvs.Connections{Active: 7, Inactive: 2, Persistent: 4},
			ipvs.Connections{Active: 12, Persistent: 3},
			[]string{"vips: [198.51.100.21]", "vips: [198.51.100.21, 198.51.100.22]"},
			"1 to add, 1 to change, 1 to delete; ",
		},
	} {
		w := newFakeWorld(t)
		before := fmt.Sprintf(pageBefore, test.ftp)
		w.applied(before)
		w.connect("10.0.0.11", test.rs1)
		w.connect("10.0.0.12", test.rs2)
		edits := append(test.edits, "10.0.0.11}", "10.0.0.11, weight: 0}", ", {name: rs2, address: 10.0.0.12}", "")
		p, err := w.plan(t.Context(), strings.NewReplacer(edits...).Replace(before), Options{})
		require.NoError(t, err)
		assert.ElementsMatch(t, strings.SplitAfter(p.String(), "\n"), strings.SplitAfter(planText(diffOf(t, test.path), test.notInPlans), "\n"), test.path)
	}
}

func (w *fakeWorld) connect(server string, c ipvs.Connections) {
	w.SetConnections(ipvs.Key{Mark: 21, Family: config.IPv4}, netip.MustParseAddr(server), c)
}

// diffOf returns the block of the kind diff of a page.
func diffOf(t *testing.T, path string) string {
	t.Helper()
	parts, err := page.Read(path)
	require.NoError(t, err)
	for _, p := range parts {
		for _, b := range p.Blocks {
			if b.Info == "diff" {
				return b.Text
			}
		}
	}
	require.Fail(t, "no diff in the page", path)
	return ""
}

// planText returns the listing of the command line in the form of Plan.String, in another order:
// the listing has the changes of one object together.
func planText(listing, notInPlans string) string {
	var b strings.Builder
	where := ""
	for line := range strings.Lines(listing) {
		sign, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch op := map[string]string{"+": "add", "-": "delete", "~": "edit"}[sign]; {
		case strings.HasPrefix(line, "    # "):
			b.WriteString(" # " + text)
		case strings.HasPrefix(line, "  ") && op != "":
			b.WriteString("\n" + op + " " + text + " of " + where)
		case strings.TrimSpace(line) == "":
			b.WriteString("\n")
		default:
			where = strings.TrimSpace(line)
		}
	}
	return strings.TrimPrefix(b.String(), "\n") + strings.TrimPrefix(where, notInPlans) + "\n"
}
