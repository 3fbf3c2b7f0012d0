// Package impact says what the changes of a plan do to live traffic: which of them
// cut connections, how many and of which real server, which only stop new ones, and
// which nobody notices.
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

// An Input is what Analyze works on.
type Input struct {
	Spec          *config.Spec // the desired state; nil: nothing is desired
	Before, After State
	Addresses     []hostaddr.Address // on all devices before the changes, added by any process
	Changes       Changes
	Connections   Connections
}

// A State is what the kernel has, or will have, of lvsmark.
type State struct {
	Ruleset  *nft.Ruleset // with the ledger; After needs it only where Changes.Ruleset has changes
	Services []ipvs.VirtualService
}

// Changes are those of a plan. All of a plan that matter for each other must be
// there: a real server that one change removes makes another change safe.
type Changes struct {
	Settings       []SettingChange
	Services       []ipvs.Change
	Ruleset        []nft.Change // see nft.Compare
	Added, Removed []hostaddr.Address
}

// A SettingChange is a sysctl or an IPVS timeout that gets another value.
type SettingChange struct{ Name, Before, After string }

// Connections are those in the kernel. An analysis calls each method once at most
// (Translated once for each family), and only where a change makes it necessary:
// there may be millions of connections.
type Connections interface {
	// UnderWay yields the IPVS connections that are under way, in no order. After an
	// error it yields no more.
	UnderWay() iter.Seq2[ipvs.Connection, error]

	// Translated returns the sources of the TCP connections of a family that are
	// established and whose source address the kernel translates.
	Translated(config.Family) ([]netip.AddrPort, error)
}

// Impacts are those of Changes, each list in the order of the changes. Addresses
// that are added are always Safe.
type Impacts struct {
	Settings, Services, Ruleset, Removed []Impact
}
