package lvsmark

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/nftlist"
)

// save plans the spec, writes a plan file and reads it.
func (w *world) save(spec string) *SavedPlan {
	w.t.Helper()
	opts := w.options()
	opts.Saves = true
	p, err := PlanSpec(w.t.Context(), Known(parse(w.t, spec)), opts)
	require.NoError(w.t, err)
	saved := p.Save(SpecDigest{"spec.yaml", spec})
	var file bytes.Buffer
	_, err = saved.WriteTo(&file)
	require.NoError(w.t, err)
	read, err := ReadPlan(&file)
	require.NoError(w.t, err)
	assert.Equal(w.t, saved, read)
	return read
}

func (w *world) applySaved(saved *SavedPlan, spec string) error {
	w.t.Helper()
	return applySaved(w.t.Context(), saved, parse(w.t, spec), SpecDigest{"spec.yaml", spec}, w.options())
}

func applySaved(ctx context.Context, saved *SavedPlan, spec *config.Spec, digest SpecDigest, opts Options) error {
	_, err := planned(ctx)(saved.Plan(ctx, spec, digest, opts))
	return err
}

// TestSavedPlan applies plan files of each spec to an empty system and over each other
// spec: nft and ipvsadm then print exactly the text in the plan file.
func TestSavedPlan(t *testing.T) {
	worlds := map[string]struct {
		world func(*testing.T) *world
		specs []string
	}{
		"marks only": {newWorld, []string{unboundSpec, strings.ReplaceAll(unboundSpec, "198.51.100.21", "198.51.100.22"), threeProfilesSpec, marksOnlySpec}},
		"bound":      {newIPVSWorld, []string{boundSpec, otherSpec, unboundSpec}},
	}
	need.Programs(t, "nft")
	version, err := nftlist.Installed(t.Context())
	require.NoError(t, err)
	for name, c := range worlds {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			for from, to := range specPairs(c.specs) {
				w.apply(parse(t, from))
				saved := w.save(to)
				assert.Equal(t, from != to, saved.Changed)
				require.NoError(t, w.applySaved(saved, to))
				assert.Equal(t, w.ownTables(), version.ListedBy(saved.After.NFTables))
				assert.Equal(t, w.fwmarkServices(saved), sortedLines(saved.After.IPVS))
				settled(w, to)
				w.remove()
			}
		})
	}
}

// threeProfilesSpec needs a verdict map.
const threeProfilesSpec = `
clusters:
  - {name: a, mark: 1, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}
  - {name: b, mark: 2, vips: [198.51.100.21, 198.51.100.22], ports: [80], real-servers: [{address: 10.0.0.11}]}
  - {name: c, mark: 3, vips: [198.51.100.23], ports: [25, udp/53], real-servers: [{address: 10.0.0.11}]}
director: {bind: false}
`

// marksOnlySpec has no ledger: an apply over it creates that first.
const marksOnlySpec = `
clusters:
  - {name: b, mark: 2, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`

// ownTables returns lvsmark's tables as nft lists them.
func (w *world) ownTables() string {
	w.t.Helper()
	var list strings.Builder
	for _, family := range []string{"ip", "ip6"} {
		for line := range strings.Lines(w.run("nft", "list", "tables", family)) {
			text := w.run("sh", "-c", "nft list "+strings.TrimSpace(line))
			if strings.Contains(text, `comment "lvsmark:`) {
				list.WriteString(text)
			}
		}
	}
	return nftlist.Uncounted(list.String())
}

// fwmarkServices returns the services with marks of the plan as ipvsadm saves them.
func (w *world) fwmarkServices(saved *SavedPlan) []string {
	w.t.Helper()
	if saved.After.IPVS == "" {
		return nil
	}
	var list []string
	for line := range strings.Lines(w.run("ipvsadm", "-Sn")) {
		if strings.Contains(line, " -f ") && !strings.Contains(line, " -f 7 ") { // 7 is foreign
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}

func sortedLines(text string) []string { return slices.Sorted(strings.Lines(text)) }

// TestStalePlan has another process change each kind of object between plan and apply:
// apply refuses the plan, prints the reason, and changes nothing.
func TestStalePlan(t *testing.T) {
	for name, c := range map[string]struct {
		world  func(*testing.T) *world
		spec   string
		by     string
		reason string
	}{
		"nft, ours":                {newWorld, unboundSpec, "nft flush chain ip lvsmark prerouting", "needed in addition: add rule "},
		"nft, a drop":              {newWorld, unboundSpec, "nft 'table ip fw { chain c { type filter hook input priority -1; tcp dport 21 drop; }; }'", "new warning: table ip fw, chain c"},
		"sysctl":                   {newWorld, unboundSpec, "sysctl -qw net.ipv4.ip_default_ttl=99", "needed in addition: edit setting net.ipv4.ip_default_ttl = 99 -> net.ipv4.ip_default_ttl = 63"},
		"address":                  {newWorld, unboundSpec, "ip address del 198.51.100.21/32 dev vip0", "needed in addition: add address 198.51.100.21 of device vip0"},
		"ipvsadm, ours":            {newIPVSWorld, boundSpec, "ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 5", "needed in addition: delete real-server 10.0.0.11:0 -m -w 5"},
		"a real server of another": {newIPVSWorld, boundSpec, "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.81:80 -m", "an IPVS service or real server was changed since"},
		"another service":          {newIPVSWorld, boundSpec, "ipvsadm -A -u 192.0.2.1:53 -s rr", "an IPVS service or real server was changed since"},
		"ipvsadm, timeouts":        {newIPVSWorld, boundSpec, "ipvsadm --set 100 0 0", "needed in addition: edit setting ipvs.timeout.tcp = 100"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			w.apply(parse(t, c.spec))
			next := nextSpec(c.spec)
			saved := w.save(next)
			w.run("sh", "-c", c.by)
			w.refusesPlan(saved, next, c.reason, w.options())
			require.NoError(t, w.applySaved(w.save(next), next), "a new plan")
		})
	}
}

// TestPlanOfOthers has another process change objects that lvsmark does not use: the plan
// is refused only with Options.Strict.
func TestPlanOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		world  func(*testing.T) *world
		spec   string
		by     string
		reason string
	}{
		"another table": {newWorld, unboundSpec, "nft add table ip another", "the nftables ruleset was changed since"},
		"a ban":         {newWorld, unboundSpec, "nft add element ip f2b banned '{ 203.0.113.9 }'", "the nftables ruleset was changed since"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			w.run("nft", "table ip f2b { set banned { type ipv4_addr; }; chain c { type filter hook input priority filter; ip saddr @banned drop; }; }")
			w.apply(parse(t, c.spec))
			next := nextSpec(c.spec)
			saved := w.save(next)
			w.run("sh", "-c", c.by)
			strict := w.options()
			strict.Strict = true
			w.refusesPlan(saved, next, c.reason, strict)
			require.NoError(t, w.applySaved(saved, next))
			settled(w, next)
		})
	}
}

// nextSpec returns the spec with another address of one real server.
func nextSpec(spec string) string {
	return strings.Replace(spec, "10.0.0.11}", "10.0.0.19}", 1) + "\n"
}

// refusesPlan asserts that apply refuses the plan file and changes nothing.
func (w *world) refusesPlan(saved *SavedPlan, spec, reason string, opts Options) {
	w.t.Helper()
	before := w.state()
	err := applySaved(w.t.Context(), saved, parse(w.t, spec), SpecDigest{"spec.yaml", spec}, opts)
	_, ok := errors.AsType[*StalePlanError](err)
	require.True(w.t, ok, "%v", err)
	assert.Contains(w.t, err.Error(), reason)
	assert.Equal(w.t, before, w.state())
}

// TestStaleSpec edits the spec after the plan, by a comment only.
func TestStaleSpec(t *testing.T) {
	w := newWorld(t)
	saved := w.save(unboundSpec)
	before := w.state()
	err := w.applySaved(saved, unboundSpec+"# comment\n")
	require.ErrorContains(t, err, "spec.yaml was edited since")
	assert.NotContains(t, err.Error(), "needed")
	assert.Equal(t, before, w.state())
	require.NoError(t, w.applySaved(saved, unboundSpec))
}

// TestSavedPlanUnderLock applies a plan under the caller's lock, which does not make the
// plan out of date.
func TestSavedPlanUnderLock(t *testing.T) {
	w := newWorld(t)
	saved := w.save(unboundSpec)
	held, err := Lock(t.Context(), w.options())
	require.NoError(t, err)
	defer held.Release()
	opts := w.options()
	opts.LockToken = &held.LockToken
	err = applySaved(t.Context(), saved, parse(t, unboundSpec), SpecDigest{"spec.yaml", unboundSpec}, opts)
	require.NoError(t, err)
}
