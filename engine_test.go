package lvsmark

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestApply applies each spec to an empty system and over each other spec, and removes it.
func TestApply(t *testing.T) {
	worlds := map[string]struct {
		world func(*testing.T) *world
		specs []string
	}{
		"marks only": {newWorld, []string{unboundSpec, "clusters: [{name: a, mark: 5, vips: [192.0.2.77], ports: [25], real-servers: [{address: 10.0.0.1}]}]\ndirector: {bind: false, ip-forward: false}\n"}},
		"bound":      {newIPVSWorld, []string{boundSpec, otherSpec, unboundSpec}},
	}
	for name, c := range worlds {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			before := w.state()
			for _, from := range c.specs {
				for _, to := range c.specs {
					assert.NotEmpty(t, w.apply(parse(t, from)).Changes())
					planned := w.plan(parse(t, to)).Changes()
					assert.Equal(t, planned, w.apply(parse(t, to)).Changes())
					settled(w, to)
					w.remove()
					assert.Equal(t, before, w.state())
				}
			}
			assert.Empty(t, w.remove().Changes())
		})
	}
}

// settled asserts that a plan has no changes, and that its apply writes nothing.
func settled(w *world, spec string) {
	w.t.Helper()
	generation := w.generation()
	assert.Empty(w.t, w.plan(parse(w.t, spec)).Changes())
	assert.Empty(w.t, w.apply(parse(w.t, spec)).Changes())
	assert.Equal(w.t, generation, w.generation())
}

func (w *world) generation() uint32 {
	w.t.Helper()
	var generation uint32
	w.inEngine(w.options(), func(e *engine) (err error) {
		generation, err = e.Generation()
		return err
	})
	return generation
}

// TestKilled stops an apply after each of its steps, without undo: the next apply of
// either spec converges, and delete removes everything.
func TestKilled(t *testing.T) {
	for name, c := range map[string]struct {
		world    func(*testing.T) *world
		from, to string
	}{
		"first apply, marks only": {newWorld, "", unboundSpec},
		"first apply":             {newIPVSWorld, "", boundSpec},
		"another spec":            {newIPVSWorld, boundSpec, otherSpec},
		"delete":                  {newIPVSWorld, boundSpec, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			before := w.state()
			for n := 1; ; n++ {
				if c.from != "" {
					w.apply(parse(t, c.from))
				}
				if !w.killed(c.to, n) {
					require.Greater(t, n, 1)
					break
				}
				if c.to == "" {
					w.remove()
					assert.Equal(t, before, w.state(), "deleted after %d steps", n)
					continue
				}
				w.apply(parse(t, c.to))
				settled(w, c.to)
				w.remove()
				assert.Equal(t, before, w.state(), "killed after %d steps", n)
			}
		})
	}
}

// killed does the first n steps of an apply; false: it has fewer steps.
func (w *world) killed(to string, n int) (enough bool) {
	w.t.Helper()
	w.withSteps(to, func(steps []step) {
		enough = n < len(steps)
		assert.NoError(w.t, run(w.t.Context(), steps[:min(n, len(steps))], func(string) {}))
	})
	return enough
}

// withSteps calls f, on a thread in the namespace, with the steps of an apply of the
// spec; "" stands for a removal. f must not end its goroutine, as require does.
func (w *world) withSteps(to string, f func([]step)) {
	w.t.Helper()
	w.inEngine(w.options(), func(e *engine) error {
		p, err := w.planOf(e, to)
		if err != nil {
			return err
		}
		f(p.steps(e, p.live.Generation))
		return nil
	})
}

func (w *world) planOf(e *engine, spec string) (*Plan, error) {
	if spec == "" {
		return e.planState(w.t.Context(), nothing())
	}
	return e.planSpec(w.t.Context(), Known(parse(w.t, spec)))
}

// TestUndone has the kernel refuse a change in the middle of an apply: the error contains
// the kernel's message and the undone steps, and the state is as before.
func TestUndone(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*testing.T) *world
		spec  string
		spoil func(*config.Spec) // sets a value that no spec file can contain
		words []string
		cause error
	}{
		"a sysctl that does not fit": {
			newWorld, unboundSpec,
			func(s *config.Spec) {
				s.Director.Sysctls = []config.Sysctl{{Name: "net.ipv4.ip_default_ttl", Value: "256"}}
			},
			[]string{"set sysctls and timeouts: ", "net.ipv4.ip_default_ttl", "; undone: write the ledger"},
			unix.EINVAL,
		},
		"a scheduler that is not there": {
			newIPVSWorld, boundSpec,
			func(s *config.Spec) { s.Clusters[0].Scheduler = "nonesuch" },
			[]string{"add and edit IPVS services: ", "nonesuch", "; undone: set sysctls and timeouts, write the ledger"},
			unix.ENOENT,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			before := w.state()
			spec := parse(t, c.spec)
			c.spoil(spec)
			_, err := applySpec(t.Context(), spec, w.options())
			var undone *RollbackError
			require.ErrorAs(t, err, &undone)
			for _, words := range c.words {
				assert.Contains(t, err.Error(), words)
			}
			assert.ErrorIs(t, err, c.cause)
			assert.Empty(t, undone.Left)
			assert.Equal(t, before, w.state())
		})
	}
}

// TestEachStepUndone fails after each step in turn, with a failing step after it.
func TestEachStepUndone(t *testing.T) {
	for name, c := range map[string]struct {
		world    func(*testing.T) *world
		from, to string
	}{
		"first apply, marks only": {newWorld, "", unboundSpec},
		"first apply":             {newIPVSWorld, "", boundSpec},
		"another spec":            {newIPVSWorld, boundSpec, otherSpec},
		"other to unbound":        {newIPVSWorld, otherSpec, unboundSpec},
		"delete":                  {newIPVSWorld, boundSpec, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			if c.from != "" {
				w.apply(parse(t, c.from))
			}
			n := 1
			for w.failsAfter(c.from, c.to, n) {
				n++
			}
			assert.Greater(t, n, 1, "the steps that were undone")
		})
	}
}

var errInjected = errors.New("the kernel says no")

// failsAfter does the first n steps of an apply, fails, and asserts that the state is as
// before; false: the apply has fewer steps.
func (w *world) failsAfter(from, to string, n int) (enough bool) {
	w.t.Helper()
	w.withSteps(to, func(steps []step) {
		if enough = n <= len(steps); !enough {
			return
		}
		steps = append(steps[:n:n], step{name: "fail", do: func() error { return errInjected }, undo: func() (undoing, error) { return undoing{}, nil }})
		err := run(w.t.Context(), steps, func(string) {})
		assert.ErrorIs(w.t, err, errInjected)
		var undone *RollbackError
		if assert.ErrorAs(w.t, err, &undone) {
			assert.Empty(w.t, undone.Left)
			assert.Len(w.t, undone.Undone, n)
			if slices.Contains(undone.Undone, "remove IPVS services") {
				assert.Contains(w.t, err.Error(), "; what cannot be undone: connections of real server 10.0.0.1")
			}
		}
	})
	if enough {
		settledOrEmpty(w, from)
	}
	return enough
}

func settledOrEmpty(w *world, spec string) {
	w.t.Helper()
	if spec == "" {
		assert.Empty(w.t, w.remove().Changes())
		return
	}
	settled(w, spec)
}

// TestCancelled ends the context before the first step: nothing changes.
func TestCancelled(t *testing.T) {
	w := newWorld(t)
	before := w.state()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := applySpec(ctx, parse(t, unboundSpec), w.options())
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), "nothing was changed")
	assert.Equal(t, before, w.state())
}

// TestStaleRetry changes the ruleset once between plan and commit: apply plans again and
// succeeds.
func TestStaleRetry(t *testing.T) {
	w := newWorld(t)
	once := false
	opts := w.options()
	opts.Progress = func(step string) {
		if step == "change the marks" && !once {
			once = true
			w.nft("add table ip meanwhile")
		}
	}
	spec := parse(t, "clusters: [{name: a, mark: 5, vips: [192.0.2.77], ports: [25], real-servers: [{address: 10.0.0.1}]}]\ndirector: {bind: false, ip-forward: false}\n")
	_, err := applySpec(t.Context(), spec, opts)
	require.NoError(t, err)
	assert.True(t, once)
	assert.Empty(t, w.plan(spec).Changes())
}

// TestStaleAddress adds a VIP address and deletes one of lvsmark's between plan and
// commit: apply plans again and succeeds. The address added by the other process stays.
func TestStaleAddress(t *testing.T) {
	w := newWorld(t)
	const vips = "clusters: [{name: a, mark: 5, vips: [192.0.2.77, 192.0.2.78, 192.0.2.79], vip-device: vip0, ports: [25], real-servers: [{address: 10.0.0.1}]}]\ndirector: {bind: false, ip-forward: false}\n"
	meanwhile := func(step string, command ...string) Options {
		opts, once := w.options(), false
		opts.Progress = func(begins string) {
			if begins == step && !once {
				once = true
				w.run(append([]string{"ip"}, command...)...)
			}
		}
		t.Cleanup(func() { assert.True(t, once, step) })
		return opts
	}
	spec := parse(t, vips)
	_, err := applySpec(t.Context(), spec, meanwhile("add VIP addresses", "address", "add", "192.0.2.78/32", "dev", "vip0"))
	require.NoError(t, err)
	assert.Empty(t, w.plan(spec).Changes())

	_, err = applyRemoval(t.Context(), meanwhile("remove VIP addresses", "address", "del", "192.0.2.79/32", "dev", "vip0"))
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(w.run("ip", "-o", "address", "show", "dev", "vip0"), "/32 "), "the address added by another process")
}

func TestForeignTable(t *testing.T) {
	w := newWorld(t)
	w.nft("add table ip lvsmark")
	before := w.state()
	_, err := applySpec(t.Context(), parse(t, unboundSpec), w.options())
	require.ErrorContains(t, err, "table ip lvsmark exists and is not lvsmark's")
	assert.Equal(t, before, w.state())
}

func TestNoSuchDevice(t *testing.T) {
	w := newWorld(t)
	w.run("ip", "link", "del", "vip0")
	before := w.state()
	_, err := applySpec(t.Context(), parse(t, unboundSpec), w.options())
	require.ErrorContains(t, err, "vip-device vip0")
	assert.Equal(t, before, w.state())
}

func TestNoSuchNamespace(t *testing.T) {
	newWorld(t)
	_, err := PlanSpec(t.Context(), Known(parse(t, unboundSpec)), Options{NetNS: "lvsmark-test-none"})
	require.ErrorContains(t, err, `network namespace "lvsmark-test-none"`)
}

// TestNoIPVS runs on kernels without IPVS: nothing changes, and the error names the
// module.
func TestNoIPVS(t *testing.T) {
	w := newWorld(t)
	if w.hasIPVS() {
		t.Skip("needs a kernel without IPVS")
	}
	before := w.state()
	_, err := applySpec(t.Context(), parse(t, boundSpec), w.options())
	require.ErrorIs(t, err, ipvs.ErrNoIPVS)
	assert.Contains(t, err.Error(), "ip_vs")
	assert.Equal(t, before, w.state())
}

// TestAdopt applies a spec over services with its marks that are in no ledger.
func TestAdopt(t *testing.T) {
	w := newIPVSWorld(t)
	spec := parse(t, boundSpec)
	w.apply(spec)
	services := w.run("ipvsadm", "-Sn")

	w.nft("delete table ip lvsmark; delete table ip6 lvsmark") // the ledger is lost
	w.apply(spec)                                              // the services are as desired: taken over
	assert.Equal(t, services, w.run("ipvsadm", "-Sn"))

	w.nft("delete table ip lvsmark; delete table ip6 lvsmark")
	w.run("ipvsadm", "-e", "-f", "21", "-r", "10.0.0.11:0", "-m", "-w", "9")
	before := w.state()
	_, err := applySpec(t.Context(), spec, w.options())
	require.ErrorIs(t, err, ErrForeignService)
	assert.Contains(t, err.Error(), "fwmark 21 IPv4")
	assert.Contains(t, err.Error(), "--adopt")
	assert.Equal(t, before, w.state())

	opts := w.options()
	opts.Adopt = true
	_, err = applySpec(t.Context(), spec, opts)
	require.NoError(t, err)
	assert.Equal(t, services, w.run("ipvsadm", "-Sn"))
}

// TestSettingsOfOthers: delete keeps a value that another process set after lvsmark.
func TestSettingsOfOthers(t *testing.T) {
	w := newWorld(t)
	w.apply(parse(t, unboundSpec))
	w.run("sysctl", "-qw", "net.ipv4.ip_default_ttl=99")
	result := w.remove()
	assert.Contains(t, w.run("sysctl", "net.ipv4.ip_default_ttl"), "99")
	assert.Contains(t, w.run("sysctl", "net.ipv4.ip_forward"), "= 0")
	require.Len(t, result.Notes(), 1)
	assert.Contains(t, result.Notes()[0], "net.ipv4.ip_default_ttl is left at 99")
}

// TestAddressOfOthers: delete keeps an address that existed before.
func TestAddressOfOthers(t *testing.T) {
	w := newWorld(t)
	w.run("ip", "address", "add", "198.51.100.21/24", "dev", "vip0")
	before := w.state()
	w.apply(parse(t, unboundSpec))
	settled(w, unboundSpec)
	w.remove()
	assert.Equal(t, before, w.state())
}
