package lvsmark

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// A VIP is announced when it is added, and announceRepeats more times at the end of apply,
// announceInterval apart, because hosts and switches may lose a frame.
const (
	announceRepeats  = 2
	announceInterval = 200 * time.Millisecond
)

// An announcer records the VIPs that an apply or its rollback has added.
type announcer struct {
	added    []hostaddr.Address
	failures []string
}

// addAndAnnounce is AddAddresses followed by an announcement of what was added. That an
// announcement fails is a warning.
func (e *engine) addAndAnnounce(list ...hostaddr.Address) []error {
	answers := e.AddAddresses(list...)
	var added []hostaddr.Address
	for i, err := range answers {
		if err == nil {
			added = append(added, list[i])
		}
	}
	e.announced.added = append(e.announced.added, added...)
	e.announce(added)
	return answers
}

func (e *engine) announce(list []hostaddr.Address) {
	if len(list) == 0 {
		return
	}
	for _, err := range e.AnnounceAddresses(list...) {
		if text := printable.Line(err.Error()); !slices.Contains(e.announced.failures, text) {
			e.announced.failures = append(e.announced.failures, text)
		}
	}
}

// repeatAnnouncements announces the added VIPs again, as far as they still exist. It stops
// when the context ends, or when an announcement has failed.
func (e *engine) repeatAnnouncements(ctx context.Context) {
	if len(e.announced.added) == 0 {
		return
	}
	e.progress("announce VIP addresses")
	defer func() { e.announced.added = nil }()
	for range announceRepeats {
		if ctx.Err() != nil || len(e.announced.failures) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-e.clock.After(announceInterval):
		}
		have, err := e.Addresses()
		if err != nil {
			return
		}
		e.announce(e.announced.stillIn(have))
	}
}

// stillIn returns the added VIPs that are in the list.
func (a *announcer) stillIn(have []hostaddr.Local) []hostaddr.Address {
	ours := make(map[hostaddr.Address]bool, len(have))
	for _, local := range have {
		ours[local.Address] = ours[local.Address] || local.Ours && !local.Tentative
	}
	return slices.DeleteFunc(slices.Clone(a.added), func(a hostaddr.Address) bool {
		announce := ours[a]
		ours[a] = false // another attempt may have added it too
		return !announce
	})
}

// explain adds the failed announcements to the error of an apply.
func (a *announcer) explain(err error) error {
	for _, failure := range a.failures {
		err = fmt.Errorf("%w\nwarning: %s", err, failure)
	}
	return err
}
