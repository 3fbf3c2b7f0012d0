package lvsmark

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A State is what lvsmark reads of the kernel of one network namespace. observe reads it,
// diff compares it with a Desired, and a Checkpoint saves it.
type State struct {
	ruleset   *nft.Snapshot         // lvsmark's tables, the names of other tables, and the lock
	ledger    nft.Ledger            // of the ruleset; read only
	services  []ipvs.VirtualService // keyed by fwmark; nil: none, or not read
	noIPVS    error                 // wraps ipvs.ErrNoIPVS; nil: IPVS exists or is not needed
	digest    string                // of all IPVS services, see ipvs.Conn.Digest; empty: not needed
	settings  map[string]observed   // sysctls, IPVS timeouts and sync daemons of the scope, by name
	addresses []hostaddr.Local      // of all devices
	devices   map[string]error      // by name of the devices of the scope; nil: the device exists
	noIPv6    map[string]bool       // devices of the scope on which IPv6 is disabled
}

// An observed setting is its value or the error of reading it. The error of a missing
// sysctl wraps fs.ErrNotExist.
type observed struct {
	value string
	err   error
	fault string // why a sync daemon with this value does not work; empty: no reason is known
	fixed error  // why it cannot be set; nil: it can
}

// A scope selects what observe reads in addition to the nftables ruleset and all addresses.
type scope struct {
	services bool
	expected []ipvs.Key // services that must be read even if the kernel's list lacks them
	digest   bool
	settings []string
	devices  []string
}

// scope returns the scope for a comparison with the desired state; ledger is the ledger
// of the kernel.
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
	for name := range ledger.Settings {
		if !desired[name] {
			s.settings = append(s.settings, name)
		}
	}
	if d.spec != nil && d.spec.Director.Sync != nil {
		s.devices = append(s.devices, d.spec.Director.Sync.Device)
	}
	for _, setting := range d.settings {
		if daemon, err := config.ParseSyncDaemon(setting.Value); d.exact && err == nil && config.IsSyncSetting(setting.Name) {
			s.devices = append(s.devices, daemon.Device)
		}
	}
	for _, a := range d.addresses {
		if !slices.Contains(s.devices, a.Device) {
			s.devices = append(s.devices, a.Device)
		}
	}
	return s
}

// A Desired is the desired state of a kernel.
type Desired struct {
	spec      *config.Spec // the source; nil: none
	ruleset   *nft.Ruleset // as the kernel lists it
	services  []ipvs.VirtualService
	settings  []config.Setting // in the order in which they are set
	addresses []hostaddr.Address
	lifetimes map[hostaddr.Address]hostaddr.Lifetime // of addresses that are not permanent

	adopt bool     // take over services and tables that differ and lack lvsmark's record
	notes []string // see Plan.Notes

	// exact is set for a saved state: the ledger is restored unchanged, and settings that
	// another process has changed are put back too. Otherwise the current values of
	// settings are recorded in the ledger.
	exact bool
}

// desired compiles the spec, except for its ruleset, which comes from the rehearsal.
func desired(spec *config.Spec, rehearsed *nft.Ruleset, adopt bool) *Desired {
	return &Desired{
		spec: spec, ruleset: rehearsed, adopt: adopt,
		services: ipvs.Compile(spec), settings: spec.Settings(), addresses: hostaddr.Compile(spec),
	}
}

// nothing returns the desired state of delete.
func nothing() *Desired { return &Desired{ruleset: &nft.Ruleset{}} }
