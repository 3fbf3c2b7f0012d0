package lvsmark

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/status"
)

const (
	syncSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}
director: {sync: {role: master, device: vip0, id: 1}}
`
	syncValue    = "vip0 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
	foreignValue = "vip1 id 9 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
)

// startSync starts a daemon as another process does.
func (w *fakeWorld) startSync(name, value string) {
	w.AsOtherProcess(func() { require.NoError(w.t, w.WriteSetting(name, value)) })
}

func (w *fakeWorld) sync(name string) string {
	value, err := w.ReadSetting(name)
	require.NoError(w.t, err)
	return value
}

// TestFakeSyncOrder: a daemon starts after the services, and stops with the settings.
func TestFakeSyncOrder(t *testing.T) {
	w := newFakeWorld(t)
	var calls []string
	w.Before = func(call string) error { calls = append(calls, call); return nil }
	w.applied(syncSpec)
	all := strings.Join(calls, "\n")
	assert.Less(t, strings.Index(all, "add real server"), strings.Index(all, "set ipvs.sync.master = "+syncValue), all)
	assert.Greater(t, strings.Index(all, "add real server"), strings.Index(all, "set net.ipv4.ip_forward"), all)
	w.applied("")
	assert.Equal(t, config.SyncOff, w.sync(config.SyncMasterSetting))
}

// TestFakeForeignSync: a daemon of another program is refused, or adopted, and delete puts it
// back. The daemon of the other state is not touched.
func TestFakeForeignSync(t *testing.T) {
	w := newFakeWorld(t)
	w.startSync(config.SyncMasterSetting, foreignValue)
	w.startSync(config.SyncBackupSetting, foreignValue)
	before := w.String()
	_, err := w.apply(t.Context(), syncSpec, Options{})
	require.ErrorIs(t, err, ErrForeignSync)
	assert.ErrorContains(t, err, `the master daemon runs as "`+foreignValue+`" and differs from the spec; take it over with`)
	assert.Equal(t, before, w.String())

	p, err := w.apply(t.Context(), syncSpec, Options{Adopt: true})
	require.NoError(t, err)
	assert.Contains(t, p.String(), "ipvs.sync.master = "+foreignValue+" -> ipvs.sync.master = "+syncValue)
	assert.Equal(t, syncValue, w.sync(config.SyncMasterSetting))
	w.settled(syncSpec)
	w.applied("")
	assert.Equal(t, before, w.String())
}

// TestFakeSameSync: a daemon that equals the spec is taken over, and delete stops it.
func TestFakeSameSync(t *testing.T) {
	w := newFakeWorld(t)
	w.startSync(config.SyncMasterSetting, syncValue)
	w.applied(syncSpec)
	w.settled(syncSpec)
	w.applied("")
	assert.Equal(t, config.SyncOff, w.sync(config.SyncMasterSetting))
}

// TestFakeSyncHeals: an apply restarts a daemon that another process has stopped or changed.
func TestFakeSyncHeals(t *testing.T) {
	for _, value := range []string{config.SyncOff, foreignValue} {
		w := newFakeWorld(t)
		w.applied(syncSpec)
		w.startSync(config.SyncMasterSetting, value)
		assert.NotEqual(t, "no difference\n", w.applied(syncSpec).String())
		assert.Equal(t, syncValue, w.sync(config.SyncMasterSetting))
		w.settled(syncSpec)
	}
}

// TestFakeSyncRestored: a rollback to a checkpoint restores daemons that were taken over, and
// leaves those that another program has started since.
func TestFakeSyncRestored(t *testing.T) {
	for _, value := range []string{syncValue, foreignValue, config.SyncOff} {
		w := newFakeWorld(t)
		w.startSync(config.SyncMasterSetting, value)
		before := w.String()
		checkpoint := w.captured()
		_, err := w.apply(t.Context(), syncSpec, Options{Adopt: true})
		require.NoError(t, err)
		w.startSync(config.SyncBackupSetting, foreignValue)
		_, err = w.do(Options{}, func(e *engine) (*Plan, error) {
			p, err := e.planState(t.Context(), checkpoint.desired())
			if err != nil {
				return nil, err
			}
			return e.apply(t.Context(), p)
		})
		require.NoError(t, err)
		assert.Equal(t, foreignValue, w.sync(config.SyncBackupSetting))
		w.startSync(config.SyncBackupSetting, config.SyncOff)
		assert.Equal(t, before, w.String(), value)
	}
}

func (w *fakeWorld) captured() (c *Checkpoint) {
	w.t.Helper()
	_, err := w.do(Options{}, func(e *engine) (*Plan, error) {
		ruleset, err := e.Snapshot()
		if err != nil {
			return nil, err
		}
		c, err = e.capture(w.t.Context(), ruleset)
		return nil, err
	})
	require.NoError(w.t, err)
	return c
}

// TestFakeSyncDevice: the plan says that the device does not exist, and changes nothing.
func TestFakeSyncDevice(t *testing.T) {
	w := newFakeWorld(t)
	before := w.String()
	_, err := w.apply(t.Context(), strings.Replace(syncSpec, "vip0", "eth9", 1), Options{})
	assert.ErrorContains(t, err, "sync device eth9: device eth9: no such device; `ip link` lists the devices")
	assert.Equal(t, before, w.String())
}

// TestFakeSyncFault: daemons whose device is deleted are a difference, also after a device of
// the same name is created. apply restarts them when it exists, and delete stops them.
func TestFakeSyncFault(t *testing.T) {
	for _, foreign := range []string{config.SyncOff, syncValue} { // syncValue: taken over as it runs
		w := newFakeWorld(t)
		w.startSync(config.SyncMasterSetting, foreign)
		w.applied(syncSpec)
		w.RemoveDevice("vip0")
		w.differs("ipvs.sync.master = " + syncValue + " (device vip0 does not exist) -> ipvs.sync.master = " + syncValue)
		before := w.String()
		_, err := w.apply(t.Context(), syncSpec, Options{})
		require.ErrorContains(t, err, "sync device vip0: ")
		assert.Equal(t, before, w.String())

		w.CreateDevice("vip0")
		w.differs("ipvs.sync.master = " + syncValue + " (its sockets belong to another device) -> ipvs.sync.master = " + syncValue)
		w.applied(syncSpec)
		w.settled(syncSpec)
		w.applied("")
		assert.Equal(t, config.SyncOff, w.sync(config.SyncMasterSetting))
	}
}

// TestFakeForeignSyncFault: a daemon of another program that does not work is refused, although
// it equals the spec.
func TestFakeForeignSyncFault(t *testing.T) {
	w := newFakeWorld(t)
	w.startSync(config.SyncMasterSetting, syncValue)
	w.RemoveDevice("vip0")
	w.CreateDevice("vip0")
	_, err := w.apply(t.Context(), syncSpec, Options{})
	require.ErrorIs(t, err, ErrForeignSync)
	assert.ErrorContains(t, err, `the master daemon runs as "`+syncValue+`" and its sockets belong to another device; take it over with`)
	_, err = w.apply(t.Context(), syncSpec, Options{Adopt: true})
	require.NoError(t, err)
	w.settled(syncSpec)
}

// TestFakeSyncFaultRestored: a rollback does not start a daemon again whose device is missing.
func TestFakeSyncFaultRestored(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(syncSpec)
	checkpoint := w.captured()
	w.RemoveDevice("vip0")
	p, err := w.do(Options{}, func(e *engine) (*Plan, error) { return e.planState(t.Context(), checkpoint.desired()) })
	require.NoError(t, err)
	assert.Empty(t, p.Changes())
}

// TestFakeSyncFaultInStatus: status says why a daemon of the spec does not work, and nothing of one
// that works, nor without one in the spec.
func TestFakeSyncFaultInStatus(t *testing.T) {
	both := strings.Replace(syncSpec, "master", "both", 1)
	w := newFakeWorld(t)
	assert.Empty(t, w.status(both).SyncFaults, "no daemon runs")
	w.applied(both)
	assert.Empty(t, w.status(both).SyncFaults)
	w.RemoveDevice("vip0")
	r := w.status(both)
	assert.Equal(t, []status.SyncFault{
		{Setting: config.SyncBackupSetting, Reason: "device vip0 does not exist"},
		{Setting: config.SyncMasterSetting, Reason: "device vip0 does not exist"},
	}, r.SyncFaults)
	assert.Contains(t, r.Text(status.Style{}), "sync daemon backup does not work\n  # device vip0 does not exist\nsync daemon master does not work\n  # device vip0 does not exist\n\ndifferences: 2 of settings")
	selected, _ := r.Select([]string{"ftp"})
	assert.Equal(t, r.SyncFaults, selected.SyncFaults)
	assert.Empty(t, w.status(strings.Replace(both, "sync: {role: both, device: vip0, id: 1}", "bind: true", 1)).SyncFaults, "the spec has no daemon")
}

func (w *fakeWorld) status(spec string) (report *status.Report) {
	w.t.Helper()
	_, err := w.do(Options{Adopt: true}, func(e *engine) (_ *Plan, err error) {
		report, err = e.status(w.t.Context(), Known(parse(w.t, spec)))
		return nil, err
	})
	require.NoError(w.t, err)
	return report
}

// differs asserts that the plan of syncSpec has one change.
func (w *fakeWorld) differs(change string) {
	w.t.Helper()
	p, err := w.plan(w.t.Context(), syncSpec, Options{})
	require.NoError(w.t, err)
	assert.Contains(w.t, p.String(), change)
	assert.Len(w.t, p.Changes(), 1)
}
