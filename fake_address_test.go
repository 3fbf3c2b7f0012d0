package lvsmark

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

const vipSpec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, 2001:db8::21], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}, {address: fd00::11}]}]\ndirector: {bind: false, ip-forward: false}\n"

func vipOn(ip string) hostaddr.Address {
	return hostaddr.Address{Device: "vip0", IP: netip.MustParseAddr(ip)}
}

// TestAnnounced: VIPs are announced at once and twice more; nothing is announced when
// nothing is added.
func TestAnnounced(t *testing.T) {
	w := newFakeWorld(t)
	begin := w.clock.now
	w.applied(vipSpec)
	vips := []hostaddr.Address{vipOn("198.51.100.21"), vipOn("2001:db8::21")}
	assert.Equal(t, [][]hostaddr.Address{vips, vips, vips}, w.Announced)
	assert.Equal(t, announceRepeats*announceInterval, w.clock.now.Sub(begin))
	w.Announced = nil
	w.settled(vipSpec)
	w.applied("")
	assert.Empty(t, w.Announced)
}

// TestAnnouncedAfterRollback: a VIP that a failed apply has removed and put back, or that a
// checkpoint restores, is announced; one that it has added and removed again is not
// announced after that.
func TestAnnouncedAfterRollback(t *testing.T) {
	const other = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.22], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, ip-forward: false, sysctls: {net.ipv4.ip_default_ttl: 63}}\n"
	w := newFakeWorld(t)
	w.applied(vipSpec)
	w.Announced = nil
	checkpoint, err := newEngine(w.Kernel, w.clock, Options{}).capture(t.Context(), w.snapshot())
	require.NoError(t, err)
	w.After = func(call string) error {
		if call == "add 198.51.100.22 on vip0" {
			return errFake // done, but the answer is lost
		}
		return nil
	}
	_, err = w.apply(t.Context(), other, Options{})
	require.ErrorIs(t, err, errFake)
	w.After = nil
	back := [][]hostaddr.Address{{vipOn("2001:db8::21")}, {vipOn("198.51.100.21")}}
	both := []hostaddr.Address{vipOn("2001:db8::21"), vipOn("198.51.100.21")}
	assert.Equal(t, append(back, both, both), w.Announced)

	w.applied(other)
	w.Announced = nil
	p, err := w.do(Options{}, func(e *engine) (*Plan, error) { return e.planState(t.Context(), checkpoint.desired()) })
	require.NoError(t, err)
	_, err = w.carryOut(t.Context(), p)
	require.NoError(t, err)
	assert.Len(t, w.Announced, 1+announceRepeats)
	assert.Len(t, w.Announced[0], 2)
}

func (w *fakeWorld) snapshot() *nft.Snapshot {
	w.t.Helper()
	s, err := w.Snapshot()
	require.NoError(w.t, err)
	return s
}

// TestNotAnnounced: an announcement that fails is a warning of the apply, once, and part of
// the error of a failed apply. It is not repeated.
func TestNotAnnounced(t *testing.T) {
	w := newFakeWorld(t)
	w.Unannounced = []error{errors.New("no link\x1b")}
	assert.Equal(t, []string{`no link\x1b`}, w.applied(vipSpec).Warnings())
	assert.Len(t, w.Announced, 1)
	w.applied("")

	w.Before = func(call string) error {
		if call == "add 2001:db8::21 on vip0" {
			return errFake
		}
		return nil
	}
	_, err := w.apply(t.Context(), vipSpec, Options{})
	require.ErrorIs(t, err, errFake)
	assert.ErrorContains(t, err, "\nwarning: no link")
}

// TestAnnounceStale: a VIP that another process deletes is not announced again. An
// interrupted apply ends at once.
func TestAnnounceStale(t *testing.T) {
	w := newFakeWorld(t)
	w.clock.tick = func(time.Time) { w.AsOtherProcess(func() { w.DeleteAddresses(vipOn("198.51.100.21")) }) }
	w.applied(vipSpec)
	only := []hostaddr.Address{vipOn("2001:db8::21")}
	assert.Equal(t, [][]hostaddr.Address{only, only}, w.Announced[1:])

	w = newFakeWorld(t)
	w.clock = &fakeClock{now: w.clock.now}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := w.plan(ctx, vipSpec, Options{})
	require.NoError(t, err)
	w.After = func(call string) error {
		if call == "add 2001:db8::21 on vip0" {
			cancel()
		}
		return nil
	}
	_, _ = w.carryOut(ctx, p)
	assert.Len(t, w.Announced, 1)
}

// TestLifetimeChanged: a VIP of lvsmark that has a lifetime is made permanent, and a
// rollback gives the lifetime back. Delete removes it.
func TestLifetimeChanged(t *testing.T) {
	w := newFakeWorld(t)
	untouched := w.String()
	w.applied(vipSpec)
	before := w.String()
	temporary := hostaddr.Local{Address: vipOn("198.51.100.21"), Prefix: 32, Ours: true, Lifetime: hostaddr.Lifetime(598 * time.Second)}
	w.SetAddress(temporary)
	p, err := w.plan(t.Context(), vipSpec, Options{})
	require.NoError(t, err)
	assert.Equal(t, "edit address 198.51.100.21 dynamic -> 198.51.100.21 valid_lft forever of device vip0 # safe: it has a lifetime of 9m58s, after which the kernel would delete it\nsafe\n", p.String())
	checkpoint, err := newEngine(w.Kernel, w.clock, Options{}).capture(t.Context(), w.snapshot())
	require.NoError(t, err)
	with := w.String()

	for _, lost := range []bool{false, true} {
		w.failAt(1, lost) // the first call takes the lock
		_, err = w.apply(t.Context(), vipSpec, Options{})
		w.Before, w.After = nil, nil
		require.ErrorIs(t, err, errFake)
		assert.Equal(t, with, w.String())
	}
	w.applied(vipSpec)
	assert.Equal(t, before, w.String())
	w.settled(vipSpec)

	p, err = w.do(Options{}, func(e *engine) (*Plan, error) { return e.planState(t.Context(), checkpoint.desired()) })
	require.NoError(t, err)
	assert.Equal(t, "edit address 198.51.100.21 valid_lft forever -> 198.51.100.21 dynamic of device vip0\nsafe\n", p.String())
	_, err = w.carryOut(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, with, w.String())
	w.applied("")
	assert.Equal(t, untouched, w.String())
}

// TestAddressNotRestored: if a removed VIP cannot be added again, the error names it.
func TestAddressNotRestored(t *testing.T) {
	const other = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.22], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, ip-forward: false}\n"
	w := newFakeWorld(t)
	w.applied(vipSpec)
	w.Before = func(call string) error {
		if strings.HasPrefix(call, "add 198.51.100.2") {
			return errFake
		}
		return nil
	}
	_, err := w.apply(t.Context(), other, Options{})
	require.ErrorIs(t, err, errFake)
	require.ErrorContains(t, err, "198.51.100.21 on vip0: ")
}

// TestAddressStays: the impact of a removed VIP depends on other devices that have it.
func TestAddressStays(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(vipSpec)
	w.AddForeignAddress(hostaddr.Address{Device: "lo", IP: netip.MustParseAddr("198.51.100.21")}, 32)
	p, err := w.plan(t.Context(), "", Options{})
	require.NoError(t, err)
	assert.Contains(t, p.String(), "delete address 198.51.100.21 of device vip0 # safe: still on device lo\n")
	assert.Contains(t, p.String(), "delete address 2001:db8::21 of device vip0 # drains: no new connections to 2001:db8::21\n")
}

// TestUnusedAddress: a VIP that the kernel does not use because of duplicate address
// detection is added again if lvsmark added it. VIPs of other programs are warnings.
func TestUnusedAddress(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(vipSpec)
	want := w.String()
	w.SetAddress(hostaddr.Local{Address: vipOn("2001:db8::21"), Prefix: 128, Ours: true, Tentative: true, DADFailed: true})
	assert.Len(t, w.applied(vipSpec).Changes(), 2)
	assert.Equal(t, want, w.String())
	w.settled(vipSpec)
	w.applied("")

	for warning, a := range map[string]hostaddr.Local{
		"VIP 198.51.100.21 on vip0, which another program added, has a lifetime: the kernel deletes it unless that program renews it; after `ip address del 198.51.100.21/32 dev vip0` apply adds it without a lifetime": {
			Address: vipOn("198.51.100.21"), Prefix: 32, Lifetime: 1,
		},
		"VIP 2001:db8::21 on vip0, which another program added, has a lifetime: the kernel deletes it unless that program renews it; after `ip address del 2001:db8::21/64 dev vip0` apply adds it without a lifetime": {
			Address: vipOn("2001:db8::21"), Prefix: 64, Lifetime: 1,
		},
		"VIP 2001:db8::21 on vip0, which another program added, has failed duplicate address detection: another host has the address, and the kernel does not use it here; after `ip address del 2001:db8::21/64 dev vip0` apply adds it without detection": {
			Address: vipOn("2001:db8::21"), Prefix: 64, Tentative: true, DADFailed: true,
		},
		"VIP 2001:db8::21 on vip0, which another program added, has not passed duplicate address detection yet, and the kernel does not use it before": {
			Address: vipOn("2001:db8::21"), Prefix: 64, Tentative: true,
		},
	} {
		w := newFakeWorld(t)
		w.SetAddress(a)
		assert.Equal(t, []string{warning}, w.applied(vipSpec).Warnings())
		p, err := w.plan(t.Context(), vipSpec, Options{})
		require.NoError(t, err)
		assert.Empty(t, p.Changes())
		assert.Equal(t, []string{warning}, p.Warnings())
	}
}

// TestLocalServers: real servers with an address of the director are noted, if lvsmark
// manages IPVS.
func TestLocalServers(t *testing.T) {
	const spec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 2001:db8::21], ftp: , real-servers: [{address: 192.0.2.1}, {address: 10.0.0.11}, {address: fd00::1}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80], forwarding: direct, real-servers: [{address: 192.0.2.1}]}
`
	w := newFakeWorld(t)
	w.AddForeignAddress(vipOn("fd00::1"), 64)
	notes := []string{
		"real server 192.0.2.1 of ftp is an address of the director, on vip0: IPVS delivers its connections to the director, where a server must listen on that address",
		"real server fd00::1 of ftp is an address of the director, on vip0: IPVS delivers its connections to the director, where a server must listen on that address",
		"real server 192.0.2.1 of web is an address of the director, on vip0: IPVS delivers its connections to the director, where a server must listen on the VIP",
	}
	assert.Equal(t, notes, w.applied(spec).Notes())
	assert.Empty(t, w.applied(spec+"director: {bind: false}\n").Notes())
	assert.Empty(t, w.applied("").Notes())
}

// TestAnnouncedBeforeDrain: a VIP that is added together with a drain is announced before
// the wait for connections.
func TestAnnouncedBeforeDrain(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2})
	d.Announced = nil
	waits := 0
	d.clock.tick = func(time.Time) {
		if d.after() >= announceRepeats*announceInterval+drainPoll {
			waits++
			assert.Len(t, d.Announced, 1+announceRepeats)
		}
	}
	_, err := d.apply(t.Context(), strings.Replace(drainSpec(), "198.51.100.21", "198.51.100.21, 198.51.100.22", 1), Options{Drain: 10 * time.Second})
	require.NoError(t, err)
	assert.Equal(t, 10, waits)
	assert.Len(t, d.Announced, 1+announceRepeats)
}
