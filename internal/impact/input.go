// Package impact computes what the changes of a plan do to live traffic: which changes
// cut connections, how many and of which real server, which only stop new connections,
// and which are safe.
//
// It works on values: changes, the state before and after them, and the connections
// that the caller reads from the kernel. It makes no system call and starts no
// goroutine.
package impact

import (
	"iter"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// An Input is the input of Analyze.
type Input struct {
	Spec          *config.Spec // the desired state; nil: nothing is desired
	Before, After State
	Addresses     []hostaddr.Address // on all devices before the changes, added by any process
	Changes       Changes
	Connections   Connections
}

// A State is lvsmark's objects in the kernel, before or after the changes.
type State struct {
	Ruleset  *nft.Ruleset // with the ledger; After needs it only if Changes.Ruleset is not empty
	Services []ipvs.VirtualService
}

// Changes are the changes of a plan. They must be complete, because one change can alter
// the impact of another: a connection that ends with its real server counts only there.
type Changes struct {
	Settings       []SettingChange
	Services       []ipvs.Change
	Ruleset        []nft.Change // see nft.Compare
	Added, Removed []hostaddr.Address
	Replaced       []hostaddr.Address // those of Removed that stay until the addresses of Added are there
}

// A SettingChange is a sysctl or an IPVS timeout that gets another value.
type SettingChange struct{ Name, Before, After string }

// Connections reads the connections in the kernel. Analyze calls each method at most once
// (Translated once for each family), and only if a change makes it necessary: there may
// be millions of connections.
type Connections interface {
	// UnderWay yields the IPVS connections that are under way, in any order. An
	// error is the last item.
	UnderWay() iter.Seq2[ipvs.Connection, error]

	// Translated returns the sources of the established TCP connections of a family whose
	// source address the kernel translates.
	Translated(config.Family) ([]netip.AddrPort, error)
}

// Impacts are the impacts of Changes, each list in the order of the changes. Added
// addresses are always Safe and not listed.
type Impacts struct {
	Settings, Services, Ruleset, Removed []Impact
}
