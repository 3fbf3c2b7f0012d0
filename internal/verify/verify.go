// Package verify compares a configuration without lvsmark with a spec: it decides which
// rules of the old side stay beside lvsmark, and which the spec replaces, and compares
// both directors with package exact.
//
// It makes no system call.
package verify

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Report is the answer of verify.
type Report struct {
	exact.Result
	NotUnderstood []oldconfig.Remark // lines that are not understood, and may concern packets of a cluster
	Findings      []oldconfig.Remark
	Assumptions   []oldconfig.Remark // what no file says, and the answer depends on
	Replaced      []Table            // whose rules the spec replaces
	Kept          []Table            // whose rules stay
}

// A Table is a table of rules of the old side.
type Table struct {
	Family oldconfig.Family
	Name   string
	Rules  int
}

// Equivalent reports whether both sides do the same with every packet.
func (r *Report) Equivalent() bool {
	return len(r.Differences)+len(r.Unproven)+len(r.NotUnderstood) == 0
}

// Answer is "equivalent", "different" or "not proven". The differences are found as if the
// lines that are not understood did nothing: with such lines they prove nothing.
func (r *Report) Answer() string {
	switch {
	case r.Equivalent():
		return "equivalent"
	case len(r.Differences) > 0 && len(r.NotUnderstood) == 0:
		return "different"
	}
	return "not proven"
}

// Compare compares an old configuration with a spec.
func Compare(old *oldconfig.Config, spec *config.Spec) (*Report, error) {
	r := &Report{NotUnderstood: undischarged(old), Findings: old.Findings}
	kept, replaced := divide(old.Chains)
	r.Kept, r.Replaced = count(kept), count(replaced)
	after, err := Side(spec)
	if err != nil {
		return nil, err
	}
	after.Chains = append(slices.Clone(kept), after.Chains...)
	before := exact.Side{Chains: old.Chains, Services: old.Services}
	if !spec.Director.Bind {
		if len(old.Services) == 0 {
			before.Services = otherServices(old, spec)
		}
		after.Services = before.Services
	}
	before.Tracking = r.tracking(old, natServers(before, after))
	if after.Tracking == exact.TrackingUnknown {
		after.Tracking = before.Tracking // apply does not change it
	}
	r.NotUnderstood = append(r.NotUnderstood, unordered(old.Chains)...)
	r.NotUnderstood = append(r.NotUnderstood, sentAway(old.Chains, kept, replaced, spec)...)
	r.NotUnderstood = append(r.NotUnderstood, remembered(kept, replaced)...)
	r.NotUnderstood = append(r.NotUnderstood, uncovered(kept, replaced, tunnelServers(before, after))...)
	r.Result = exact.Compare(before, after, exact.Scope{ActiveSources: natServers(before, after), VIPs: vips(spec)})
	return r, nil
}

// Side returns the director that a spec makes.
func Side(spec *config.Spec) (exact.Side, error) {
	compiled, err := firewall.Chains(nft.Compile(spec).Tables, nil)
	if err != nil {
		return exact.Side{}, err
	}
	return exact.Side{Chains: compiled.Chains, Services: services(spec), Tracking: trackingOf(spec)}, nil
}

// services returns the services of a spec, with the names of clusters.
func services(spec *config.Spec) []*oldconfig.Service {
	names := map[ipvs.Key]string{}
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			names[ipvs.Key{Mark: b.Mark, Family: family}] = b.Cluster.Name
		}
	}
	var list []*oldconfig.Service
	for _, v := range ipvs.Compile(spec) {
		name := names[v.Key]
		list = append(list, FromKernel(v, oldconfig.Line{Text: "cluster " + name}, name))
	}
	return list
}

// FromKernel returns a fwmark service in the form of package oldconfig.
func FromKernel(v ipvs.VirtualService, line oldconfig.Line, name string) *oldconfig.Service {
	s := &oldconfig.Service{
		Family: v.Family, Mark: v.Mark, Scheduler: v.SchedName, Flags: v.Flags, Timeout: v.Timeout, Netmask: v.Netmask,
		RawNetmask: v.RawNetmask, Engine: v.PEName, Line: line, Name: name,
	}
	for _, d := range v.Destinations {
		s.RealServers = append(s.RealServers, oldconfig.RealServer{Destination: d, Line: line})
	}
	return s
}

func vips(spec *config.Spec) []config.AddressRange {
	var list []config.AddressRange
	for i := range spec.Clusters {
		list = append(list, spec.Clusters[i].VIPs...)
	}
	return list
}

// natServers returns the real servers that send packets through the director.
func natServers(sides ...exact.Side) []netip.Addr {
	var list []netip.Addr
	known := map[netip.Addr]bool{}
	for _, side := range sides {
		for _, s := range side.Services {
			for _, r := range s.RealServers {
				if r.Forwarding == config.NAT && r.RawForwarding == 0 && !known[r.Address] {
					known[r.Address] = true
					list = append(list, r.Address)
				}
			}
		}
	}
	return list
}

// divide divides chains into those that stay when the spec is applied and those that it
// replaces: table mangle of iptables, and tables of nft that set marks.
func divide(chains []*oldconfig.Chain) (kept, replaced []*oldconfig.Chain) {
	marks := map[string]bool{"mangle": true}
	for _, c := range chains {
		if slices.ContainsFunc(c.Rules, setsMark) {
			marks[c.Table] = true
		}
	}
	for _, c := range chains {
		if marks[c.Table] {
			replaced = append(replaced, c)
		} else {
			kept = append(kept, c)
		}
	}
	return kept, replaced
}

func setsMark(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		for i := range at.Actions {
			if k := at.Actions[i].Kind; k == oldconfig.SetMark || k == oldconfig.RestoreMark {
				return true
			}
		}
	}
	return false
}

func count(chains []*oldconfig.Chain) []Table {
	var list []Table
	for _, c := range chains {
		i := slices.IndexFunc(list, func(t Table) bool { return t.Name == c.Table && t.Family == c.Family })
		if i < 0 {
			i = len(list)
			list = append(list, Table{c.Family, c.Table, 0})
		}
		lines := map[oldconfig.Line]bool{} // a rule of nft may be several here
		for _, r := range c.Rules {
			lines[r.Line] = true
		}
		list[i].Rules += len(lines)
	}
	return slices.DeleteFunc(list, func(t Table) bool { return t.Rules == 0 })
}

// undischarged returns the remarks about lines that have no rule whose unknown part the
// comparison follows: such a rule is reported only if a packet's way depends on it.
func undischarged(old *oldconfig.Config) []oldconfig.Remark {
	followed := map[string]bool{}
	for _, c := range old.Chains {
		for _, r := range c.Rules {
			if isPartlyUnknown(r) {
				followed[fmt.Sprintf("%s:%d:%s", r.File, r.Number, r.Text)] = true
				followed[fmt.Sprintf("%s:%d", r.File, r.Number)] = r.Number > 0
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(old.NotUnderstood), func(m oldconfig.Remark) bool {
		return followed[fmt.Sprintf("%s:%d:%s", m.File, m.Number, m.Text)] || followed[fmt.Sprintf("%s:%d", m.File, m.Number)]
	})
}

func isPartlyUnknown(r *oldconfig.Rule) bool {
	for at := r; at != nil; at = at.Then {
		if slices.ContainsFunc(at.Matches, func(m oldconfig.Match) bool { return m.Field == oldconfig.NotUnderstood }) ||
			slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.Kind == oldconfig.Opaque }) {
			return true
		}
	}
	return false
}
