package lvsmark

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A State is what lvsmark needs to know of the kernel of one network namespace.
// observe reads it, diff compares it with a Desired, and a Checkpoint keeps it.
type State struct {
	ruleset   *nft.Snapshot         // lvsmark's tables, the names of others, who has the lock
	ledger    nft.Ledger            // that of the ruleset; not to be changed
	services  []ipvs.VirtualService // keyed by fwmark; nil: IPVS was not asked
	noIPVS    error                 // wraps ipvs.ErrNoIPVS; nil: IPVS is there, or was not asked
	digest    string                // of all IPVS services, see ipvs.Conn.Digest; empty: not asked for
	settings  map[string]observed   // sysctls and IPVS timeouts of the scope, by name
	addresses []hostaddr.Local      // of all devices
	devices   map[string]error      // devices of the scope; nil: there, else why not
}

// An observed setting has a value, or the reason why it cannot be read: that of
// a sysctl that is not there wraps fs.ErrNotExist.
type observed struct {
	value string
	err   error
}

// A scope is what observe reads of the kernel, besides the nftables ruleset and all
// addresses.
type scope struct {
	services bool
	expected []ipvs.Key // services that a list must not miss
	digest   bool
	settings []string
	devices  []string
}

// scope is what has to be known of a kernel that has that ledger, to compare it with
// the desired state.
func (d *Desired) scope(ledger nft.Ledger) scope {
	s := scope{expected: boundKeys(ledger)}
	if d.exact {
		s.expected = append(s.expected, boundKeys(d.ruleset.Ledger())...)
	}
	s.services = len(s.expected) > 0 || d.spec != nil && d.spec.Director.Bind
	desired := make(map[string]bool, len(d.settings))
	for _, setting := range d.settings {
		desired[setting.Name] = true
		s.settings = append(s.settings, setting.Name)
	}
	for name, entry := range ledger.Settings {
		if entry.Changed && !desired[name] {
			s.settings = append(s.settings, name)
		}
	}
	for _, a := range d.addresses {
		if !slices.Contains(s.devices, a.Device) {
			s.devices = append(s.devices, a.Device)
		}
	}
	return s
}

// A Desired is a state that the kernel is to have. The zero value, with an empty
// ruleset, has nothing of lvsmark's.
type Desired struct {
	spec      *config.Spec // that it was compiled from; nil: from none
	ruleset   *nft.Ruleset // in the kernel's form
	services  []ipvs.VirtualService
	settings  []config.Setting // in the order in which they are set
	addresses []hostaddr.Address

	// adopt says that services of the desired marks are lvsmark's even where they
	// differ and no ledger names them.
	adopt bool
	// exact says that the kernel once had this state, and is to have it again: the
	// ledger is kept as it was, and settings that another process changed are put
	// back too. Otherwise the ledger gets the values that settings have now.
	exact bool
}

// desired compiles the spec to what the kernel is to hold. The ruleset is that of
// the spec, rehearsed.
func desired(spec *config.Spec, rehearsed *nft.Ruleset, adopt bool) *Desired {
	return &Desired{
		spec: spec, ruleset: rehearsed, adopt: adopt,
		services: ipvs.Compile(spec), settings: spec.Settings(), addresses: hostaddr.Compile(spec),
	}
}

// nothing is the state without anything of lvsmark's.
func nothing() *Desired { return &Desired{ruleset: &nft.Ruleset{}} }
