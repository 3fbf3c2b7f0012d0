package lvsmark

import (
	"bytes"
	"encoding/json"
	"io"
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
  "after": {"nftables": "table ip lvsmark {\n}\n", "ipvs": ""},
  "sha256": "SUM"
}
`

// signed replaces SUM with the digest of the plan, as `lvsmark plan` writes it.
func signed(text string) string {
	s := &SavedPlan{}
	_ = json.Unmarshal([]byte(text), s)
	return strings.Replace(text, "SUM", s.sum(), 1)
}

// TestReadPlan: a file that is not a plan file is refused with a reason.
func TestReadPlan(t *testing.T) {
	plan, err := ReadPlan(strings.NewReader(signed(planFile)))
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
		"contradiction":   {`"changed": true`, `"changed": false`, "the plan was edited"},
	} {
		t.Run(name, func(t *testing.T) {
			i := strings.LastIndex(planFile, c.old)
			require.GreaterOrEqual(t, i, 0)
			_, err := ReadPlan(strings.NewReader(signed(planFile[:i] + c.new + planFile[i+len(c.old):])))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestEditedPlan edits each member that a reviewer reads: the plan is refused. Only
// formatting the file does not change its digest.
func TestEditedPlan(t *testing.T) {
	file := signed(planFile)
	for old, edited := range map[string]string{
		`"director"`: `"other"`, `"adopt": true`: `"adopt": false`, `"00"`: `"01"`, `"11"`: `"12"`, ` 7,`: ` 8,`,
		`"ip lvsmark"`: `"ip other"`, `["a"]`: `[]`, `["b"]`: `["c"]`, `lvsmark {`: `lvsmark { `, `"ipvs": ""`: `"ipvs": "-A"`,
		`"after": "ip lvsmark"}`: `"after": "ip lvsmark", "impact": {"effect": "safe"}}`,
	} {
		require.Contains(t, file, old)
		_, err := ReadPlan(strings.NewReader(strings.Replace(file, old, edited, 1)))
		require.EqualError(t, err, "the plan was edited after `lvsmark plan` wrote it, so it is not what a reviewer read; make a new plan", edited)
	}
	var formatted bytes.Buffer
	require.NoError(t, json.Compact(&formatted, []byte(file)))
	_, err := ReadPlan(&formatted)
	require.NoError(t, err)
}

// TestPlanMembers: a member that is there twice, or whose name has another case, is refused:
// a reviewer may read one and Go's decoder the other.
func TestPlanMembers(t *testing.T) {
	file := signed(planFile)
	for old, edited := range map[string]string{
		`"notes": ["a"]`:    `"notes": ["safe"], "notes": ["a"]`,
		`"warnings": ["b"]`: `"warnings": [], "Warnings": ["b"]`,
		`"adopt": true`:     `"Adopt": true`,
		`{"op": "add"`:      `{"op": "delete", "op": "add"`,
		`"file":`:           `"FILE":`,
		`["a"]`:             `["a",[]]`,
	} {
		require.Contains(t, file, old)
		_, err := ReadPlan(strings.NewReader(strings.Replace(file, old, edited, 1)))
		require.Error(t, err, edited)
	}
	for old, edited := range map[string]string{`, "ipvs": ""`: ``, `"where": "", `: ``, `"b"`: `"\u0062"`} {
		require.Contains(t, file, old)
		_, err := ReadPlan(strings.NewReader(strings.Replace(file, old, edited, 1)))
		require.NoError(t, err, edited)
	}
}

// TestLargePlan: a plan file has the size limit of a spec.
func TestLargePlan(t *testing.T) {
	_, err := ReadPlan(io.MultiReader(strings.NewReader(`{"notes": ["`), endless{}))
	require.EqualError(t, err, "not a plan file of lvsmark: the file is over 64 MB")
}

// endless is a reader without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}

// FuzzReadPlan: ReadPlan does not panic, and writing a plan returns what was read.
func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(signed(planFile)))
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

// TestPlanLimit: 64 MB are read, one byte more is refused.
func TestPlanLimit(t *testing.T) {
	text := signed(planFile)
	for size, accepted := range map[int64]bool{64 << 20: true, 64<<20 + 1: false} {
		_, err := ReadPlan(io.MultiReader(strings.NewReader(text), io.LimitReader(blanks{}, size-int64(len(text)))))
		assert.Equal(t, accepted, err == nil, "%v", err)
	}
}

// blanks is a reader of blanks without an end.
type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
