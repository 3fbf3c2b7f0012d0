package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/nft"
)

// A Checkpoint is a saved State of a network namespace. Restore restores lvsmark's tables,
// services, settings and addresses from it.
type Checkpoint struct {
	opts  Options
	state *State
}

// A LockToken represents a lock that this or another process holds. It has the
// generations of the nftables ruleset before and after the lock was taken.
type LockToken struct {
	Before, After uint32
}

// generation returns the generation of the ruleset under the lock, for a plan that was
// made at generation read. The error wraps nft.ErrStale if the ruleset was changed between the
// plan and the lock.
func (t LockToken) generation(read uint32) (uint32, error) {
	switch {
	case read == t.Before:
		return t.After, nil // only the lock changed it
	case int32(read-t.After) >= 0:
		return read, nil // the plan was made under the lock
	}
	return 0, fmt.Errorf("%w, before the lock was taken", nft.ErrStale)
}

// A LockedCheckpoint is a checkpoint of a network namespace that no other lvsmark
// changes, until Release or until the process ends.
type LockedCheckpoint struct {
	Checkpoint
	LockToken

	release func() error
}

// Capture reads a checkpoint.
func Capture(ctx context.Context, opts Options) (*Checkpoint, error) {
	return inKernel(opts, func(e *engine) (*Checkpoint, error) {
		ruleset, err := e.Snapshot()
		if err != nil {
			return nil, err
		}
		return e.capture(ctx, ruleset)
	})
}

// Lock takes the lock and reads a checkpoint.
func Lock(ctx context.Context, opts Options) (*LockedCheckpoint, error) {
	return inKernel(opts, func(e *engine) (*LockedCheckpoint, error) { return e.lock(ctx) })
}

func (e *engine) lock(ctx context.Context) (locked *LockedCheckpoint, err error) {
	for range applyTries {
		if locked, err = e.lockOnce(ctx); !errors.Is(err, nft.ErrStale) {
			return locked, err
		}
	}
	return nil, err
}

func (e *engine) lockOnce(ctx context.Context) (*LockedCheckpoint, error) {
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	if ruleset.Locked != nil {
		return nil, ruleset.Locked
	}
	checkpoint, err := e.capture(ctx, ruleset)
	if err != nil {
		return nil, err
	}
	l := &LockedCheckpoint{Checkpoint: *checkpoint, LockToken: LockToken{Before: ruleset.Generation}}
	if l.release, l.After, err = e.Acquire(e.owner(), ruleset.Generation); err != nil {
		return nil, err
	}
	l.opts.LockToken = &l.LockToken
	return l, nil
}

// capture reads the services of all fwmarks and the sync daemons, because an apply can adopt
// any of them. It does not load the IPVS module.
func (e *engine) capture(ctx context.Context, ruleset *nft.Snapshot) (*Checkpoint, error) {
	state, err := e.observe(ctx, ruleset, func(ledger nft.Ledger) scope {
		return scope{services: e.IPVSLoaded(), expected: boundKeys(ledger), settings: e.savedSettings(ledger)}
	})
	if err != nil {
		return nil, err
	}
	state.forgetStopped()
	for _, name := range slices.Sorted(maps.Keys(state.settings)) {
		if err := state.settings[name].err; err != nil {
			return nil, err
		}
	}
	opts := e.opts
	opts.Drain, opts.FailOn, opts.NoLoss = 0, "", false // a rollback is neither delayed nor refused
	return &Checkpoint{opts, state}, state.noIPVS
}

// desired returns the saved state as the desired state. Captured settings are set first,
// because services may need them. Settings that are only in the current ledger were
// changed after the checkpoint: they are put back last.
func (c *Checkpoint) desired() *Desired {
	d := &Desired{
		ruleset: &c.state.ruleset.Ruleset, services: c.state.services, adopt: true, exact: true,
		lifetimes: map[hostaddr.Address]hostaddr.Lifetime{},
	}
	for _, name := range slices.Sorted(maps.Keys(c.state.settings)) {
		d.settings = append(d.settings, config.Setting{Name: name, Value: c.state.settings[name].value})
	}
	for _, a := range c.state.addresses {
		if a.Ours {
			d.addresses = append(d.addresses, a.Address)
			if a.Lifetime > 0 {
				d.lifetimes[a.Address] = a.Lifetime
			}
		}
	}
	return d
}

// Plan compares the kernel with the checkpoint.
func (c *Checkpoint) Plan(ctx context.Context) (*Plan, error) {
	return planning(ctx, c.opts, func(e *engine) (*Plan, error) { return e.planState(ctx, c.desired()) })
}

// Restore restores the checkpoint, with the steps of Apply. It takes the lock, unless the
// checkpoint holds it. See Plan.Lost for what it could not restore.
func (c *Checkpoint) Restore(ctx context.Context) (*Plan, error) {
	p, err := c.Plan(ctx)
	if err != nil {
		return nil, err
	}
	return Apply(ctx, p)
}

// lose records what the plan of a rollback leaves out, because its device has disappeared since
// the checkpoint: the rest is restored all the same.
func (p *Plan) lose(name string, err error) {
	p.lost = append(p.lost, nft.LostObject{Name: name, Err: err})
}

// gone returns why a saved setting cannot be restored: its device, or that of its sync daemon, does
// not exist any more.
func (s *State) gone(saved config.Setting) error {
	now := s.settings[saved.Name]
	if errors.Is(now.err, sysctl.ErrNoDevice) {
		return now.err
	}
	if !config.IsSyncSetting(saved.Name) || now.value == saved.Value {
		return nil
	}
	daemon, err := config.ParseSyncDaemon(saved.Value)
	if err != nil || !isDeviceGone(s.devices[daemon.Device]) {
		return nil
	}
	return s.devices[daemon.Device]
}

// isDeviceGone reports whether the kernel has no device, by the error of Device. The net
// package has no error number for this, but has one for each system call that failed.
func isDeviceGone(err error) bool {
	errno, failed := errors.AsType[unix.Errno](err)
	return err != nil && (!failed || errno == unix.ENODEV)
}

// Release releases the lock.
func (l *LockedCheckpoint) Release() error { return l.release() }

// LockOwner returns the owner of the lock of the network namespace; empty: the lock is
// free.
func LockOwner(opts Options) (string, error) {
	return inKernel(opts, func(e *engine) (string, error) {
		owner, _, err := e.LockOwner()
		return owner, err
	})
}

// savedSettings returns the settings of a checkpoint.
func (e *engine) savedSettings(ledger nft.Ledger) []string {
	names := maps.Clone(ledger.Settings)
	if e.IPVSLoaded() {
		names[config.SyncMasterSetting], names[config.SyncBackupSetting] = nft.Setting{}, nft.Setting{}
	}
	return slices.Collect(maps.Keys(names))
}

// forgetStopped removes the sync daemons that do not run and are not in the ledger from a
// saved state: a rollback leaves a daemon that another program starts later.
func (s *State) forgetStopped() {
	for _, name := range []string{config.SyncMasterSetting, config.SyncBackupSetting} {
		if _, recorded := s.ledger.Settings[name]; !recorded && s.settings[name].value == config.SyncOff {
			delete(s.settings, name)
		}
	}
}
