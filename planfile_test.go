package lvsmark

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const planFile = `{
  "version": 1,
  "changed": true,
  "netns": "director",
  "adopt": true,
  "spec": {"file": "/etc/lvsmark/lvsmark.yaml", "sha256": "00"},
  "kernel": {"nftables_generation": 7, "ipvs_sha256": "11"},
  "changes": [{"op": "add", "kind": "table", "where": "", "after": "ip lvsmark"}],
  "notes": ["a"],
  "warnings": ["b"],
  "after": {"nftables": "table ip lvsmark {\n}\n", "ipvs": ""}
}
`

// TestReadPlan: a file that is not a plan file is refused with a reason.
func TestReadPlan(t *testing.T) {
	plan, err := ReadPlan(strings.NewReader(planFile))
	require.NoError(t, err)
	assert.Equal(t, uint32(7), plan.Kernel.Generation)
	for name, c := range map[string]struct{ old, new, want string }{
		"empty":           {planFile, "", "not a plan file of lvsmark: EOF"},
		"cut short":       {`"ipvs": ""}`, "", "not a plan file of lvsmark: "},
		"not JSON":        {planFile, "clusters: []", "not a plan file of lvsmark: invalid character"},
		"a list":          {planFile, "[]", "not a plan file of lvsmark: "},
		"another version": {`"version": 1`, `"version": 2`, "a plan of version 2: this lvsmark applies version 1; make a new plan"},
		"no version":      {`"version": 1,`, "", "a plan of version 0"},
		"unknown member":  {`"netns"`, `"namespace"`, `unknown field "namespace"`},
		"data after it":   {"}\n", "}\n{}", "data after the plan"},
		"another type":    {`7`, `"7"`, "not a plan file of lvsmark: "},
		"too large":       {`7`, `4294967296`, "not a plan file of lvsmark: "},
		"contradiction":   {`"changed": true`, `"changed": false`, "changed contradicts changes"},
	} {
		t.Run(name, func(t *testing.T) {
			i := strings.LastIndex(planFile, c.old)
			require.GreaterOrEqual(t, i, 0)
			_, err := ReadPlan(strings.NewReader(planFile[:i] + c.new + planFile[i+len(c.old):]))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// FuzzReadPlan: ReadPlan does not panic, and writing a plan returns what was read.
func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(planFile))
	f.Add([]byte(`{"version":1,"changes":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		plan, err := ReadPlan(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := plan.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadPlan(&out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		assert.Equal(t, plan, again)
		_ = compareChanges(plan.Changes, again.Changes)
	})
}
