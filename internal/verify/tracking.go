package verify

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// trackingOf returns the setting that apply makes: on with source-nat, else that of
// director.sysctls, else unknown: it stays as it is.
func trackingOf(spec *config.Spec) exact.Tracking {
	for _, s := range spec.Settings() {
		if s.Name == config.ConntrackSysctl {
			if s.Value == "0" {
				return exact.Untracked
			}
			return exact.Tracked
		}
	}
	return exact.TrackingUnknown
}

// TrackingOf returns the setting of an old configuration, if a file contains it.
func TrackingOf(old *oldconfig.Config) exact.Tracking {
	switch {
	case old.Tracking == nil:
		return exact.TrackingUnknown
	case old.Tracking.On:
		return exact.Tracked
	}
	return exact.Untracked
}

// tracking returns the setting of the old side. If no file contains it, and a rule translates
// only packets that IPVS sends, it is taken as on: else the rule has no effect. The report says
// so.
func (r *Report) tracking(old *oldconfig.Config, servers []netip.Addr) exact.Tracking {
	if t := TrackingOf(old); t != exact.TrackingUnknown {
		return t
	}
	for _, c := range old.Chains {
		if c.Base == nil || !c.Base.NAT || c.Base.Hook != oldconfig.Postrouting {
			continue
		}
		for _, rule := range c.Rules {
			if translatesIPVS(rule, servers) {
				r.Assumptions = append(r.Assumptions, oldconfig.Remark{Line: rule.Line, Message: "the rule has an effect only if " + config.ConntrackSysctl + " is 1, which no file sets; it is taken as 1"})
				return exact.Tracked
			}
		}
	}
	return exact.TrackingUnknown
}

// translatesIPVS reports whether a rule translates the source of packets that IPVS sends, and
// of no others: it tests IPVS, or the address of real servers.
func translatesIPVS(r *oldconfig.Rule, servers []netip.Addr) bool {
	var tests, translates bool
	for at := r; at != nil; at = at.Then {
		for _, m := range at.Matches {
			switch m.Field {
			case oldconfig.SentByIPVS, oldconfig.VirtualAddress, oldconfig.VirtualPort:
				tests = true
			case oldconfig.Destination:
				tests = tests || !m.Not && len(m.In) > 0 && !slices.ContainsFunc(m.In, func(to oldconfig.Range) bool { return !isServer(to, servers) })
			}
		}
		translates = translates || slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool {
			return a.Kind == oldconfig.TranslateSource || a.ToOriginal
		})
	}
	return tests && translates
}

func isServer(to oldconfig.Range, servers []netip.Addr) bool {
	return to.Low == to.High && slices.ContainsFunc(servers, func(a netip.Addr) bool { return oldconfig.AddressNumber(a) == to.Low })
}
