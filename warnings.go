package lvsmark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/internal/xtables"
	"github.com/lvsmark/lvsmark/nft"
)

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
// middle of an answer.
func findings(spec *config.Spec) (found []*firewall.Finding, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = conn.ReadConsistently(findingTries, func(uint32) error {
		tables, err := conn.Foreign()
		if err == nil {
			found, err = firewall.Findings(spec, tables, conn, tracking(spec))
		}
		return err
	})
	return found, err
}

// tracking returns how the director tracks connections after an apply of the spec. A sysctl
// that does not exist has its default: its module is not loaded.
func tracking(spec *config.Spec) firewall.Tracking {
	return firewall.Tracking{
		IPVS:   valueAfter(spec, "net.ipv4.vs.conntrack", "0") != "0",
		Strict: valueAfter(spec, "net.netfilter.nf_conntrack_tcp_loose", "1") == "0",
	}
}

// valueAfter returns the value that a sysctl has after an apply of the spec.
func valueAfter(spec *config.Spec, name, missing string) string {
	if i := slices.IndexFunc(spec.Director.Sysctls, func(s config.Sysctl) bool { return s.Name == name }); i >= 0 {
		return spec.Director.Sysctls[i].Value
	}
	value, err := sysctl.Read(name)
	if err != nil {
		return missing
	}
	return value
}
