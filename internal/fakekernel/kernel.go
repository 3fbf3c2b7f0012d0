// Package fakekernel is the kernel of one network namespace in memory: nftables, IPVS,
// settings and addresses, as far as the engine of lvsmark uses them. Tests of the engine
// run on it without root, and have it fail, or be changed by another process, wherever
// they want. It is a package of its own so that it sees of the engine only what the
// kernel sees: the calls.
//
// It accepts any ruleset, and gives it back as it was written: what the real kernel makes
// of a ruleset is tested on the real one.
package fakekernel

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Kernel is not safe for concurrent use, but for Rehearse.
type Kernel struct {
	// Before is called ahead of each call that changes something, and named what:
	// "commit", "lock", "add real server 10.0.0.11 of fwmark 21 IPv4", "set
	// net.ipv4.ip_forward = 1", "add 198.51.100.21 on vip0". If it returns an error, the
	// call does nothing and returns that error. nil: there is none.
	Before func(call string) error

	// After is called behind each such call. An error stands for an answer that was
	// lost: the call has done its work, and returns that error.
	After func(call string) error

	NoIPVS   bool     // the kernel has none
	Findings []string // what Warnings returns

	tables     []*nft.Table // lvsmark's
	foreign    []nft.TableName
	generation uint32
	lock       string // its owner; empty: nobody

	services    []ipvs.VirtualService
	connections []ipvs.Connection

	settings  map[string]string
	devices   []string
	addresses []hostaddr.Local
}

// New returns a kernel that has settings and devices, and nothing else.
func New(settings map[string]string, devices ...string) *Kernel {
	return &Kernel{generation: 1, settings: maps.Clone(settings), devices: devices}
}

// Meanwhile calls f, which changes the kernel as another process: neither Before nor
// After is called.
func (k *Kernel) Meanwhile(f func()) {
	before, after := k.Before, k.After
	k.Before, k.After = nil, nil
	f()
	k.Before, k.After = before, after
}

// change makes a change by f, unless it is made to fail.
func (k *Kernel) change(call string, f func() error) error {
	if k.Before != nil {
		if err := k.Before(call); err != nil {
			return err
		}
	}
	if err := f(); err != nil {
		return err
	}
	if k.After != nil {
		return k.After(call)
	}
	return nil
}

// Warnings returns the Findings.
func (k *Kernel) Warnings(*config.Spec) []string { return k.Findings }

// Close does nothing.
func (k *Kernel) Close() {}

// String is the whole kernel as text: lvsmark's tables as nft lists them, the names of
// others, services as ipvsadm saves them, addresses and settings. The generation of the
// ruleset and counts of connections are left out.
func (k *Kernel) String() string {
	var b strings.Builder
	b.WriteString((&nft.Ruleset{Tables: k.tables}).String())
	for _, t := range k.foreign {
		fmt.Fprintf(&b, "%s is not lvsmark's\n", t)
	}
	if k.lock != "" {
		fmt.Fprintf(&b, "locked: %s\n", k.lock)
	}
	b.WriteString(ipvs.Text(k.sortedServices()))
	addresses := slices.SortedFunc(slices.Values(k.addresses), func(a, b hostaddr.Local) int {
		return cmp.Or(a.IP.Compare(b.IP), cmp.Compare(a.Device, b.Device))
	})
	for _, a := range addresses {
		fmt.Fprintf(&b, "%s/%d", a.Address, a.Prefix)
		if a.Ours {
			b.WriteString(" by lvsmark")
		}
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(k.settings)) {
		fmt.Fprintf(&b, "%s = %s\n", name, k.settings[name])
	}
	return b.String()
}
