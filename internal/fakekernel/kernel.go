// Package fakekernel is an in-memory kernel with one network namespace: nftables, IPVS,
// settings and addresses, as far as lvsmark's engine uses them. Tests of the engine run on
// it without root. They can inject failures, and changes by another process, at each call.
// It is a separate package, so that it depends on the calls of the engine only.
//
// It accepts any ruleset and lists it unchanged. The form in which the real kernel lists a
// ruleset is tested on the real kernel.
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

// A Kernel is not safe for concurrent use, except for Rehearse.
type Kernel struct {
	// Before, if not nil, is called before each change, with the name of the call: "commit",
	// "lock", "add real server 10.0.0.11 of fwmark 21 IPv4", "set net.ipv4.ip_forward = 1",
	// "add 198.51.100.21 on vip0". If it returns an error, the call makes no change and
	// returns that error.
	Before func(call string) error

	// After, if not nil, is called after each change. An error stands for a lost answer: the
	// change is made, and the call returns the error.
	After func(call string) error

	NoIPVS   bool     // the kernel has no IPVS
	NoSocket bool     // the kernel has no nft_socket
	Findings []string // returned by Warnings
	ReadOnly bool     // /proc/sys is read-only

	Announced   [][]hostaddr.Address // of each call of AnnounceAddresses
	Unannounced []error              // its result
	Lost        []nft.LostObject     // objects that Restore and Unrestorable return

	tables     []*nft.Table // lvsmark's, and those without its comment; see Adopt
	adopted    []nft.TableName
	foreign    []nft.TableName
	generation uint32
	lock       string // lock owner; empty: not locked

	services    []ipvs.VirtualService
	connections []ipvs.Connection

	settings  map[string]string
	faults    map[string]string // of sync daemons that do not work, by name; see RemoveDevice
	devices   []string
	addresses []hostaddr.Local
}

// New returns a kernel with settings and devices.
func New(settings map[string]string, devices ...string) *Kernel {
	return &Kernel{generation: 1, settings: maps.Clone(settings), faults: map[string]string{}, devices: devices}
}

// AsOtherProcess calls f, which changes the kernel as another process does: Before and
// After are not called.
func (k *Kernel) AsOtherProcess(f func()) {
	before, after := k.Before, k.After
	k.Before, k.After = nil, nil
	f()
	k.Before, k.After = before, after
}

// change calls f, which makes the change, between Before and After.
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

// String dumps the kernel as text: lvsmark's tables as nft lists them, the names of other
// tables, services as ipvsadm saves them, addresses and settings. It omits the generation
// of the ruleset and the numbers of connections.
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
		if a.Lifetime > 0 {
			b.WriteString(" dynamic")
		}
		if a.Tentative {
			b.WriteString(" tentative")
		}
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(k.settings)) {
		fmt.Fprintf(&b, "%s = %s\n", name, k.settings[name])
	}
	return b.String()
}
