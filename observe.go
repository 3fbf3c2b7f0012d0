package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/internal/xtables"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// observe reads a State. The ruleset is read before, because the scope depends on its
// ledger.
func (e *engine) observe(ctx context.Context, ruleset *nft.Snapshot, scopeOf func(nft.Ledger) scope) (*State, error) {
	state := &State{ruleset: ruleset, ledger: ruleset.Ledger(), settings: map[string]observed{}, devices: map[string]error{}, noIPv6: map[string]bool{}}
	s := scopeOf(state.ledger)
	s.digest = e.opts.Saves
	for _, read := range []func(*State, scope) error{e.observeServices, e.observeSettings, e.observeAddresses} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := read(state, s); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// observeServices must be called first, because the IPVS module creates sysctls.
func (e *engine) observeServices(state *State, s scope) (err error) {
	if !s.services {
		return nil
	}
	if err := e.OpenIPVS(); errors.Is(err, ipvs.ErrNoIPVS) {
		state.noIPVS = err
		return nil
	} else if err != nil {
		return err
	}
	state.services, err = e.Services(s.expected...)
	if err == nil && s.digest {
		state.digest, err = e.ServicesDigest()
	}
	return err
}

func (e *engine) observeSettings(state *State, s scope) error {
	for _, name := range s.settings {
		value, err := e.ReadSetting(name)
		state.settings[name] = observed{value: value, err: err}
		if err == nil {
			state.settings[name] = observed{value: value, fault: e.syncFault(name, value), fixed: e.CheckSetting(name)}
		}
	}
	return nil
}

// syncFault returns why a sync daemon that runs does not work; empty: no reason is known, or the
// setting is not a daemon that runs.
func (e *engine) syncFault(name, value string) string {
	if !config.IsSyncSetting(name) || value == config.SyncOff {
		return ""
	}
	return e.SyncFault(name, value)
}

func (e *engine) observeAddresses(state *State, s scope) (err error) {
	for _, device := range s.devices {
		state.devices[device] = e.Device(device)
		disabled, err := e.ReadSetting(disableIPv6(device))
		state.noIPv6[device] = err == nil && disabled != "0"
	}
	state.addresses, err = e.Addresses()
	return err
}

// readAgain reads the ruleset again if another process has changed it while the spec and
// other tables were read.
func (e *engine) readAgain(ruleset *nft.Snapshot) (*nft.Snapshot, error) {
	generation, err := e.Generation()
	if err != nil || generation == ruleset.Generation {
		return ruleset, err
	}
	return e.Snapshot()
}

// ReadStatus compares the spec with the kernel, as PlanSpec does with Options.Adopt, and
// returns the differences with weights, connections and statistics of the services.
func ReadStatus(ctx context.Context, source Source, opts Options) (*status.Report, error) {
	opts.Adopt = true
	return reading(source, func() (*status.Report, error) {
		if err := opts.checkPrivileges(); err != nil {
			return nil, err
		}
		return inKernel(opts, func(e *engine) (*status.Report, error) { return e.status(ctx, source) })
	})
}

// status plans with services that have statistics, so that it lists them once.
func (e *engine) status(ctx context.Context, source Source) (*status.Report, error) {
	counting := &countingKernel{kernel: e.kernel}
	e.kernel = counting
	p, err := e.planSpec(ctx, source)
	if err != nil {
		return nil, err
	}
	if !counting.read && e.IPVSLoaded() { // another program manages IPVS
		if _, err := counting.Services(status.Keys(p.spec)...); err != nil {
			return nil, err
		}
	}
	return status.New(status.Input{
		Spec: p.spec, Ledger: p.state.ledger, Services: counting.services, Changes: p.services, Differences: p.differences(), SyncFaults: p.syncFaults(), Connections: e.UnderWay(),
	})
}

// A countingKernel reads statistics with the services, and keeps them.
type countingKernel struct {
	kernel
	services []ipvs.CountedService
	read     bool
}

// Warnings returns nothing: a status has no warnings, and other programs' tables can be large.
func (k *countingKernel) Warnings(*config.Spec) []string { return nil }

// Services is like ipvs.Conn.Services.
func (k *countingKernel) Services(expected ...ipvs.Key) ([]ipvs.VirtualService, error) {
	counted, err := k.Statistics(expected...)
	if err != nil {
		return nil, err
	}
	k.services, k.read = counted, true
	services := make([]ipvs.VirtualService, len(counted))
	for i, s := range counted {
		services[i] = s.VirtualService()
	}
	return services, nil
}

// Warnings describes rules of other programs and settings of the host that affect the spec's
// packets. If it cannot read them, it returns the error as a warning, because apply does not
// need them.
func (k *netnsKernel) Warnings(spec *config.Spec) []string {
	found, err := findings(spec)
	warnings := firewall.Warnings(found)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("tables of other programs could not be checked: %v", err))
	}
	for _, v := range xtables.WithRules() {
		warnings = append(warnings, fmt.Sprintf("%s has rules (table %s), which lvsmark does not read: `%s-save` shows whether they affect packets to the VIPs",
			v.Program, strings.Join(v.Tables, ", "), v.Program))
	}
	host := hostcheck.Host{Value: func(name, missing string) string { return valueAfter(spec, name, missing) }}
	warnings = append(warnings, host.Warnings(spec)...)
	for i, warning := range warnings {
		warnings[i] = printable.Line(warning)
	}
	return warnings
}

// findingTries bounds how often other programs' tables are read again because they changed
// during the read. Reading large tables takes time, and warnings are not urgent.
const findingTries = 10

// findings uses its own connection, because a connection is unusable after it fails in the
// middle of an answer. Findings that come with an error are not all.
func findings(spec *config.Spec) (found []*firewall.Finding, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	how := tracking(spec)
	var unknown error
	if how.Masquerade, how.MasqueradePossible, unknown = hostcheck.MasqueradeAddresses(spec); unknown != nil {
		unknown = fmt.Errorf("masqueraded active data: %w", unknown)
	}
	err = conn.ReadConsistently(findingTries, func(uint32) error {
		tables, err := conn.Foreign()
		tables = slices.DeleteFunc(tables, func(t *nft.Table) bool { return isUnmarkedName(t.TableName(), spec) })
		if err == nil {
			found, err = firewall.Findings(spec, tables, conn, how)
		}
		return err
	})
	return found, errors.Join(err, unknown)
}

// tracking returns how the director tracks connections after an apply of the spec. A sysctl
// that does not exist has its default: its module is not loaded.
func tracking(spec *config.Spec) firewall.Tracking {
	return firewall.Tracking{
		IPVS:   valueAfter(spec, config.ConntrackSysctl, "0") != "0",
		Needed: spec.TranslatesClients(),
		Strict: valueAfter(spec, "net.netfilter.nf_conntrack_tcp_loose", "1") == "0",
	}
}

// valueAfter returns the value that a sysctl has after an apply of the spec. Forwarding of
// the spec is left out: when it is turned on, the kernel changes that of each device.
func valueAfter(spec *config.Spec, name, missing string) string {
	if i := slices.IndexFunc(spec.Director.Sysctls, func(s config.Sysctl) bool { return s.Name == name }); i >= 0 {
		return spec.Director.Sysctls[i].Value
	}
	if name == config.ConntrackSysctl && spec.TranslatesClients() {
		return "1"
	}
	value, err := sysctl.Read(name)
	if err != nil {
		return missing
	}
	return value
}
