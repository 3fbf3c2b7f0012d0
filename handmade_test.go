package lvsmark

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// handMade adds objects of many kinds to lvsmark's tables. TestRestoreHandMade of package nft
// tests each kind.
const handMade = `
add counter ip lvsmark c { packets 5 bytes 6 }
add quota ip lvsmark q { over 25 mbytes used 1 mbytes }
add limit ip lvsmark l { rate 5/second }
add ct helper ip lvsmark h { type "ftp" protocol tcp; }
add set ip lvsmark s { type ipv4_addr . inet_service; size 99; comment "by hand"; elements = { 192.0.2.1 . 80 }; }
add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h; }
add chain ip lvsmark extra { type filter hook input priority 5; policy accept; }
add rule ip lvsmark prerouting tcp dport { 1, 2, 3 } counter packets 3 bytes 180
add rule ip lvsmark prerouting meta mark set ip saddr map { 192.0.2.1 : 1, 192.0.2.2 : 2 }
add rule ip lvsmark prerouting tcp dport 5 jump { ip saddr { 192.0.2.1, 192.0.2.7 } counter name c drop; accept; }
add rule ip lvsmark prerouting meter floods size 100 { ip saddr limit rate 5/second }
add rule ip lvsmark extra update @seen { ip saddr timeout 1m }
add rule ip lvsmark extra ip saddr . tcp dport @s quota name q limit name l ct helper set "h"
add rule ip6 lvsmark prerouting tcp dport { 7, 8 } drop
`

const (
	anotherUnboundSpec = `
clusters:
  - {name: ftps, mark: 22, vips: [198.51.100.21], ftp: {control-ports: [21, 990]}, real-servers: [{address: 10.0.0.12}]}
  - {name: web, mark: 80, vips: [198.51.100.80], vip-device: vip0, ports: [80, 443], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`
)

// handMadeTargets are specs to apply over objects added by hand.
func handMadeTargets() map[string]string {
	return map[string]string{
		"the same spec": unboundSpec, "another spec": anotherUnboundSpec, "delete": "",
		"another table": strings.Replace(anotherUnboundSpec, "{bind", "{table: marks, bind", 1),
	}
}

// TestHandMadeUndone fails after each step of an apply in turn: objects that were added by
// hand to lvsmark's tables come back too.
func TestHandMadeUndone(t *testing.T) {
	for name, to := range handMadeTargets() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply(parse(t, unboundSpec))
			w.nft(handMade)
			before := sortedLines(w.state())
			n := 0
			for enough := true; enough; {
				w.withSteps(to, func(steps []step) {
					n++
					if enough = n <= len(steps); !enough {
						return
					}
					fail := step{name: "fail", do: func() error { return errInjected }, undo: func() (undoing, error) { return undoing{}, nil }}
					err := run(t.Context(), append(steps[:n:n], fail), func(string) {})
					assert.ErrorIs(t, err, errInjected)
					assert.Contains(t, err.Error(), "; undone: ")
					assert.NotContains(t, err.Error(), "restored")
				})
				assert.Equal(t, before, sortedLines(w.state()), "after step %d", n)
			}
			assert.Greater(t, n, 1)
		})
	}
}

// TestHandMadeRestored applies under a checkpoint, and restores that.
func TestHandMadeRestored(t *testing.T) {
	for name, to := range handMadeTargets() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply(parse(t, unboundSpec))
			w.nft(handMade)
			w.applyAndRestore(to)
		})
	}
}

// TestRefusedUndone commits the first transaction of a change and has the second refused: the
// message says that the change was undone.
func TestRefusedUndone(t *testing.T) {
	w := newWorld(t)
	w.apply(parse(t, unboundSpec))
	w.nft(handMade)
	before := sortedLines(w.state())
	w.withSteps(anotherUnboundSpec, func(steps []step) {
		for i, s := range steps {
			if s.name != "change the marks" {
				continue
			}
			do := s.do
			steps[i].do = func() error { _ = do(); return errInjected }
			err := run(t.Context(), steps[:i+1], func(string) {})
			assert.EqualError(t, err, "change the marks: "+errInjected.Error()+"; undone: change the marks, remove VIP addresses")
		}
	})
	assert.Equal(t, before, sortedLines(w.state()))
}

// TestFakeLoss: the kernel does not create an object again. The plan has a note; apply
// refuses the plan if a rollback must be possible.
func TestFakeLoss(t *testing.T) {
	const note = "a rollback could not restore rule ip lvsmark x: drop (the kernel says no)"
	lost := nft.LostObject{Name: "rule ip lvsmark x: drop", Err: errFake}
	w := newFakeWorld(t)
	w.applied(unboundSpec)
	w.Lost = []nft.LostObject{lost}
	before := w.String()
	p, err := w.plan(t.Context(), boundSpec, Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{note}, p.Notes())
	assert.Contains(t, p.String(), "note: "+note+"\n")

	_, err = w.apply(t.Context(), boundSpec, Options{NoLoss: true})
	var refused *LossError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, []nft.LostObject{lost}, refused.Objects)
	assert.EqualError(t, err, `refused by --confirm, nothing was done: a rollback could not restore 1 of the objects that were added by hand to lvsmark's tables
rule ip lvsmark x: drop (the kernel says no)
move them to a table of their own; with --allow-loss, apply deletes them`)
	assert.Equal(t, before, w.String())

	w.failAt(3, false)
	_, err = w.apply(t.Context(), boundSpec, Options{})
	w.Before, w.After = nil, nil
	var undone *RollbackError
	require.ErrorAs(t, err, &undone)
	assert.Contains(t, err.Error(), "; not restored: rule ip lvsmark x: drop")
	assert.Contains(t, undone.Unrestored, lost)
}

// TestFakeLossOfCheckpoint: the rollback to a checkpoint names what it does not restore.
func TestFakeLossOfCheckpoint(t *testing.T) {
	w := newFakeWorld(t)
	locked := w.lock()
	_, err := w.apply(t.Context(), unboundSpec, Options{LockToken: &locked.LockToken})
	require.NoError(t, err)
	w.Lost = []nft.LostObject{{Name: "counter ip lvsmark c"}}
	var lost []nft.LostObject
	_, err = w.do(locked.opts, func(e *engine) (*Plan, error) {
		p, err := e.planState(context.Background(), locked.desired())
		require.NoError(t, err)
		assert.Empty(t, p.Notes())
		p, err = e.apply(context.Background(), p)
		lost = e.lost
		return p, err
	})
	require.NoError(t, err)
	assert.Equal(t, w.Lost, lost)
}
