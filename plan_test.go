package lvsmark

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestJoined: one list is not copied, and several are joined in order.
func TestJoined(t *testing.T) {
	a, b := []Change{{Kind: "a"}, {Kind: "b"}}, []Change{{Kind: "c"}}
	for _, lists := range [][][]Change{{a}, {nil, a}, {a, nil, {}}} {
		assert.Same(t, &a[0], &joined(lists...)[0])
	}
	assert.Equal(t, []Change{{Kind: "a"}, {Kind: "b"}, {Kind: "c"}}, joined(nil, a, nil, b))
	assert.Empty(t, joined(nil, nil))
}

// TestMayCut: tables, services or addresses of lvsmark alone are what connections can
// depend on.
func TestMayCut(t *testing.T) {
	for want, p := range map[bool][]*Plan{
		false: {{live: &nft.Snapshot{}}, {live: &nft.Snapshot{}, addresses: addressPlan{added: make([]hostaddr.Address, 1), present: make([]hostaddr.Address, 1)}}},
		true: {
			{live: &nft.Snapshot{Ruleset: nft.Ruleset{Tables: []*nft.Table{{}}}}},
			{live: &nft.Snapshot{}, have: make([]ipvs.VirtualService, 1)},
			{live: &nft.Snapshot{}, addresses: addressPlan{removed: make([]hostaddr.Address, 1)}},
		},
	} {
		for _, plan := range p {
			assert.Equal(t, want, plan.mayCut())
		}
	}
}

// TestRefused: the changes with the effect of --fail-on or a worse one are listed.
func TestRefused(t *testing.T) {
	changes := []Change{
		{Op: Add, Kind: "table", After: "ip a", Impact: impact.Impact{Effect: impact.Safe}},
		{Op: Delete, Kind: "element", Before: "b", Impact: impact.Impact{Effect: impact.Drains, Detail: "why"}},
		{Op: Delete, Kind: "real-server", Before: "c", Where: "service d", Impact: impact.Impact{Effect: impact.Cuts, Connections: 2}},
	}
	const cut = "delete real-server c of service d: cuts 2 connections"
	for failOn, want := range map[impact.Effect]string{
		"":            "",
		impact.Safe:   "refused by --fail-on safe, nothing was done: drains 1, cuts 2 connections\nadd table ip a: safe\ndelete element b: drains: why\n" + cut + "\nwithout --fail-on, apply makes these changes",
		impact.Drains: "refused by --fail-on drains, nothing was done: drains 1, cuts 2 connections\ndelete element b: drains: why\n" + cut + "\nwithout --fail-on, apply makes these changes",
		impact.Cuts:   "refused by --fail-on cuts, nothing was done: cuts 2 connections\n" + cut + "\nwith --drain 5m, apply waits for connections of removed real servers to end; without --fail-on, apply makes these changes",
	} {
		err := (&Plan{opts: Options{FailOn: failOn}, changes: func() []Change { return changes }}).Refused()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
		require.NoError(t, (&Plan{opts: Options{FailOn: failOn}, changes: func() []Change { return nil }}).Refused())
	}
	require.NoError(t, (&Plan{opts: Options{FailOn: impact.Cuts}, changes: func() []Change { return changes[:2] }}).Refused())
	for _, c := range []Change{{Op: Edit, Kind: "service"}, {Op: Delete, Kind: "real-server", Impact: impact.Impact{Reassigns: true}}} {
		c.Impact.Effect = impact.Cuts
		err := (&Plan{opts: Options{FailOn: impact.Cuts}, changes: func() []Change { return []Change{c} }}).Refused()
		require.Error(t, err)
		require.NotContains(t, err.Error(), "--drain", "a drain does not help")
	}
}

// TestRefusedLoss: only with NoLoss, and only if objects would be lost.
func TestRefusedLoss(t *testing.T) {
	lost := []nft.LostObject{{Name: "counter ip lvsmark mine"}}
	for _, noLoss := range []bool{false, true} {
		require.NoError(t, (&Plan{opts: Options{NoLoss: noLoss}}).Refused())
		err := (&Plan{opts: Options{NoLoss: noLoss}, unrestorable: lost}).Refused()
		if !noLoss {
			require.NoError(t, err)
			continue
		}
		loss, ok := errors.AsType[*LossError](err)
		require.True(t, ok)
		assert.Equal(t, lost, loss.Objects)
	}
}

// TestOutOfDate: each difference between a plan file and now is a reason.
func TestOutOfDate(t *testing.T) {
	saved, now := KernelDigest{Generation: 7, IPVS: "a"}, KernelDigest{Generation: 8, IPVS: "b"}
	const generation = "the nftables ruleset was changed since, by any process: it has generation 8, the plan was made for generation 7"
	const services = "an IPVS service or real server was changed since"
	assert.Equal(t, []string{generation, services}, compareKernel(now, saved, true))
	assert.Equal(t, []string{services}, compareKernel(now, saved, false))
	assert.Empty(t, compareKernel(saved, saved, true))
	assert.Equal(t, []string{"this note no longer holds: a", "new note: c"}, compareLines("note", []string{"a", "b"}, []string{"b", "c"}))
	assert.Empty(t, compareLines("note", []string{"a", "b"}, []string{"b", "a"}))

	change := func(after string, n int) Change {
		return Change{Op: Add, Kind: "element", After: after, Impact: impact.Impact{Effect: impact.Cuts, Connections: n}}
	}
	a, b := change("a", 1), change("b", 1)
	assert.Empty(t, compareChanges([]Change{a, b}, []Change{change("b", 3), change("a", 2)}))
	assert.Equal(t, []string{"no longer needed: add element a", "needed in addition: add element b"}, compareChanges([]Change{a}, []Change{b}))
	assert.Equal(t, []string{"no longer needed: add element a"}, compareChanges([]Change{a, a}, []Change{a}), "counted")
	for n, want := range map[int]int{maxReasons: maxReasons, maxReasons + 1: maxReasons + 1, maxReasons + 9: maxReasons + 1} {
		var many []Change
		for i := range n {
			many = append(many, change(fmt.Sprint(i), 0))
		}
		lines := compareChanges(many, nil)
		assert.Len(t, lines, want)
		assert.Equal(t, n > maxReasons, strings.HasPrefix(lines[len(lines)-1], fmt.Sprintf("and %d more", n-maxReasons)), lines)
	}
}

// TestTruncate: a list of names is cut after maxListed.
func TestTruncate(t *testing.T) {
	names := make([]string, maxListed+2)
	for i := range names {
		names[i] = "n"
	}
	assert.Equal(t, maxListed-1, strings.Count(truncate(names[:maxListed]), ", "))
	assert.NotContains(t, truncate(names[:maxListed]), "more")
	assert.True(t, strings.HasSuffix(truncate(names[:maxListed+1]), "n, and 1 more"))
	assert.True(t, strings.HasSuffix(truncate(names), "n, and 2 more"))
	assert.Equal(t, "n", names[maxListed], "the argument is not changed")
}

// TestRollbackError names what was undone, what is left, and what is lost.
func TestRollbackError(t *testing.T) {
	e := func(f func(*RollbackError)) string {
		r := &RollbackError{Step: "step", Err: errFake}
		f(r)
		return r.Error()
	}
	for want, f := range map[string]func(*RollbackError){
		"step: the kernel says no; nothing was changed":                                   func(*RollbackError) {},
		"step: the kernel says no; undone: a, b":                                          func(r *RollbackError) { r.Undone = []string{"a", "b"} },
		"step: the kernel says no; what cannot be undone: connections of x":               func(r *RollbackError) { r.Lost = []string{"x"} },
		"step: the kernel says no; undone: a; what cannot be undone: connections of x, y": func(r *RollbackError) { r.Lost, r.Undone = []string{"x", "y"}, []string{"a"} },
		"step: the kernel says no; NOT all could be undone: the kernel says no\nfix the cause, then apply or delete again: it continues from this state": func(r *RollbackError) {
			r.Left, r.Undone = []error{errFake}, []string{"a"}
		},
	} {
		assert.Equal(t, want, e(f))
	}
}

// TestDigestUnderLock: the generation is that without the lock, if only the lock changed it.
func TestDigestUnderLock(t *testing.T) {
	token := &LockToken{Before: 7, After: 8}
	for _, c := range []struct {
		token      *LockToken
		live, want uint32
	}{{nil, 8, 8}, {token, 8, 7}, {token, 9, 9}, {token, 7, 7}} {
		p := &Plan{opts: Options{LockToken: c.token}, live: &nft.Snapshot{Generation: c.live}, state: &State{digest: "d"}}
		assert.Equal(t, KernelDigest{Generation: c.want, IPVS: "d"}, p.digest())
	}
}

// TestChecked: a plan must have everything that its file has.
func TestChecked(t *testing.T) {
	w := newFakeWorld(t)
	p, err := w.plan(t.Context(), boundSpec, Options{Saves: true})
	require.NoError(t, err)
	p.notes, p.warnings = []string{"note"}, []string{"warning"}
	spec := SpecDigest{File: "spec.yaml", SHA256: "00"}
	const after = "lvsmark's tables or services were changed since, by another process"
	for name, c := range map[string]struct {
		change func(*SavedPlan)
		want   []string
	}{
		"the same":          {func(*SavedPlan) {}, nil},
		"spec":              {func(s *SavedPlan) { s.Spec.SHA256 = "01" }, []string{"spec.yaml was edited since"}},
		"IPVS":              {func(s *SavedPlan) { s.Kernel.IPVS = "?" }, []string{"an IPVS service or real server was changed since"}},
		"generation":        {func(s *SavedPlan) { s.Kernel.Generation++ }, nil},
		"notes":             {func(s *SavedPlan) { s.Notes = nil }, []string{"new note: note"}},
		"warnings":          {func(s *SavedPlan) { s.Warnings = nil }, []string{"new warning: warning"}},
		"tables after":      {func(s *SavedPlan) { s.After.NFTables += "#" }, []string{after}},
		"services after":    {func(s *SavedPlan) { s.After.IPVS += "#" }, []string{after}},
		"notes, and after":  {func(s *SavedPlan) { s.Notes, s.After.IPVS = nil, "" }, []string{"new note: note"}},
		"impact of changes": {func(s *SavedPlan) { s.Changes[0].Impact.Connections++ }, nil},
	} {
		saved := p.Save(spec)
		c.change(saved)
		checked, err := p.checked(&fileCheck{saved, spec})
		if c.want == nil {
			require.NoError(t, err, name)
			assert.Same(t, saved, checked.file.saved)
			continue
		}
		stale, _ := errors.AsType[*StalePlanError](err)
		require.NotNil(t, stale, name)
		assert.Equal(t, c.want, stale.Reasons, name)
	}
}

// TestSavedFields: a plan file has everything that a reviewer must know.
func TestSavedFields(t *testing.T) {
	w := newFakeWorld(t)
	p, err := w.plan(t.Context(), boundSpec, Options{Saves: true, Adopt: true, NetNS: "director"})
	require.NoError(t, err)
	p.notes, p.warnings = []string{"note"}, []string{"warning"}
	spec := SpecDigest{File: "spec.yaml", SHA256: "00"}
	saved := p.Save(spec)
	want := &SavedPlan{
		Version: 1, Changed: true, NetNS: "director", Adopt: true, Spec: spec, Kernel: p.digest(),
		Changes: p.Changes(), Notes: p.notes, Warnings: p.warnings, After: p.after(), SHA256: saved.SHA256,
	}
	assert.Equal(t, want, saved)
	assert.Equal(t, want.sum(), saved.SHA256)
	assert.NotEmpty(t, saved.Kernel.IPVS)

	w.applied(boundSpec)
	p, err = w.plan(t.Context(), boundSpec, Options{})
	require.NoError(t, err)
	assert.False(t, p.Save(spec).Changed)
}

// TestTableNames: each table of the rulesets is named once.
func TestTableNames(t *testing.T) {
	a, b, c := &nft.Table{Family: nft.IPv4, Name: "a"}, &nft.Table{Family: nft.IPv6, Name: "a"}, &nft.Table{Family: nft.IPv4, Name: "c"}
	assert.Equal(t, []string{"table ip a", "table ip6 a", "table ip c"}, tables(&nft.Ruleset{Tables: []*nft.Table{a, b}}, &nft.Ruleset{Tables: []*nft.Table{a, c}}))
	assert.Empty(t, tables(&nft.Ruleset{}))
}
