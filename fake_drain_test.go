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

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A fakeDrain removes the real server 10.0.0.12 of boundSpec while it has connections,
// and adds 10.0.0.13.
type fakeDrain struct {
	*fakeWorld
	start time.Time
	steps []string
}

func newFakeDrain(t *testing.T, connections ipvs.Connections) *fakeDrain {
	d := &fakeDrain{fakeWorld: newFakeWorld(t)}
	d.applied(boundSpec)
	d.start = d.clock.now
	d.connect(connections)
	return d
}

func (d *fakeDrain) connect(c ipvs.Connections) {
	d.SetConnections(ipvs.Key{Mark: 21, Family: config.IPv4}, netip.MustParseAddr("10.0.0.12"), c)
}

func drainSpec() string {
	return strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.13}", 1)
}

func (d *fakeDrain) drain(ctx context.Context, opts Options) (*Plan, error) {
	opts.Progress = func(step string) { d.steps = append(d.steps, step) }
	return d.apply(ctx, drainSpec(), opts)
}

// after returns the duration of the drain.
func (d *fakeDrain) after() time.Duration { return d.clock.now.Sub(d.start) }

// TestFakeDrain: the new real server is added first, and the removed one has weight 0
// until its connections end. The drain does not wait for templates.
func TestFakeDrain(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2, Inactive: 5, Persistent: 3})
	d.clock.tick = func(now time.Time) {
		assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
		assert.Contains(t, d.String(), "-r 10.0.0.13:0 -m -w 1\n")
		switch d.after() {
		case 10 * time.Second:
			d.connect(ipvs.Connections{Active: 1, Persistent: 1})
		case 20 * time.Second:
			d.connect(ipvs.Connections{Persistent: 1})
		}
	}
	p, err := d.drain(t.Context(), Options{Drain: time.Hour, FailOn: impact.Cuts})
	require.NoError(t, err)
	assert.Contains(t, p.String(), "delete real-server 10.0.0.12:0 -m -w 1 of service fwmark 21 IPv4 # cuts 2 connections of ftp with 10.0.0.12: 2 active, 5 inactive, 3 persistent\n")
	assert.Equal(t, 20*time.Second, d.after())
	assert.Subset(t, d.steps, []string{
		"drain: 2 connections left (ftp: 10.0.0.12 2), 3 persistence templates",
		"drain: 1 connection left (ftp: 10.0.0.12 1), 1 persistence template",
	})
	assert.NotContains(t, d.String(), "10.0.0.12")
	d.settled(drainSpec())
}

// TestFakeDrainTime: after Options.Drain, connections are cut, unless FailOn refuses it.
func TestFakeDrainTime(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2})
	_, err := d.drain(t.Context(), Options{Drain: 90 * time.Second, FailOn: impact.Cuts})
	_, refused := errors.AsType[*ImpactError](err)
	require.True(t, refused, "%v", err)
	require.ErrorContains(t, err, "drained, but not applied: ")
	assert.Equal(t, 90*time.Second, d.after())
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")

	_, err = d.drain(t.Context(), Options{Drain: time.Second})
	require.NoError(t, err)
	assert.NotContains(t, d.String(), "10.0.0.12")
	d.settled(drainSpec())
}

// TestFakeDrainInterrupted: the weight stays 0, and the next apply continues.
func TestFakeDrainInterrupted(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 1})
	ctx, cancel := context.WithCancel(t.Context())
	d.clock.tick = func(time.Time) { cancel() }
	_, err := d.drain(ctx, Options{Drain: time.Hour})
	require.ErrorIs(t, err, ErrDrainInterrupted)
	assert.ErrorContains(t, err, "1 connection left (ftp: 10.0.0.12 1)")
	assert.Equal(t, time.Second, d.after())
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
	assert.NotContains(t, d.String(), "locked")

	d.clock.tick = func(time.Time) { d.connect(ipvs.Connections{}) }
	_, err = d.drain(t.Context(), Options{Drain: time.Hour})
	require.NoError(t, err)
	d.settled(drainSpec())
}

// TestFakeDrainUnneeded: without connections there is no wait, and without removals there
// is no drain.
func TestFakeDrainUnneeded(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Persistent: 4})
	_, err := d.drain(t.Context(), Options{Drain: time.Hour})
	require.NoError(t, err)
	assert.Zero(t, d.after())
	_, err = d.apply(t.Context(), strings.Replace(drainSpec(), "10.0.0.13}", "10.0.0.13}, {address: 10.0.0.14}", 1), Options{Drain: time.Hour})
	require.NoError(t, err)
	assert.Zero(t, d.after())
}

// TestFakeDrainFails: a failure after the wait undoes the removals, not the drain.
func TestFakeDrainFails(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{})
	d.Before = func(call string) error {
		if call == "delete real server 10.0.0.12 of fwmark 21 IPv4" {
			return errFake
		}
		return nil
	}
	_, err := d.drain(t.Context(), Options{Drain: time.Hour})
	require.ErrorIs(t, err, errFake)
	assert.ErrorContains(t, err, "drained, but not applied: ")
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
	d.Before = nil
	d.applied(drainSpec())
	d.settled(drainSpec())
}

// TestFakeDrainStale: another process changes its tables, or lvsmark's services, while
// the drain waits.
func TestFakeDrainStale(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 1})
	d.clock.tick = func(time.Time) {
		d.AddForeign(nft.TableName{Family: nft.IPv4, Name: "meanwhile"})
		d.editWeight(21, "10.0.0.11", 9)
		d.connect(ipvs.Connections{})
	}
	_, err := d.drain(t.Context(), Options{Drain: time.Hour})
	require.NoError(t, err)
	d.settled(drainSpec())
}
