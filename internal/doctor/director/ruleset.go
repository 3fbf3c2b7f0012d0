package director

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func rulesetChecks() []check {
	return []check{
		{
			Name: "leftovers", Summary: "rules of the old recipe in iptables-legacy, iptables-nft and nft: a cluster's mark, or the translation of port 20",
			Why: "they mark or translate packets beside lvsmark, also after the spec has changed", Run: leftovers,
		},
		{
			Name: "foreign-marks", Summary: "rules of other programs that set another mark on a cluster's packets",
			Why: "IPVS compares all 32 bits of the mark and does not find the service", Run: ofFirewall(func(f *firewall.Finding) bool { return f.Effect == firewall.SetsMark }),
		},
		{
			Name: "firewall", Summary: "rules of other programs that drop, redirect or translate a cluster's packets",
			Why: "the packets do not reach IPVS, the real server or the client", Run: ofFirewall(func(f *firewall.Finding) bool { return f.Effect != firewall.SetsMark }),
		},
		{
			Name: "ipvs-conntrack", Summary: "net.ipv4.vs.conntrack, if nat rules apply to packets that IPVS sends",
			Why: "without it, connection tracking and its nat rules do not see packets of IPVS", Run: ipvsConntrack,
		},
		{
			Name: "conntrack-helper", Summary: "helpers of connection tracking for FTP: nf_conntrack_ftp with automatic assignment, or by a rule",
			Why: "the helper sees neither connections of IPVS nor the ports of data connections under TLS: a firewall that accepts data by `ct state related` drops it", Run: conntrackHelper,
		},
	}
}

func ofFirewall(is func(*firewall.Finding) bool) func(*Subject) ([]doctor.Finding, error) {
	return func(s *Subject) (found []doctor.Finding, err error) {
		rules, err := s.Ruleset.Get()
		for _, f := range rules.Findings {
			if is(f) {
				text, advice := f.Split()
				found = append(found, doctor.Finding{Text: text, Command: advice})
			}
		}
		return found, err
	}
}

// leftovers finds each rule once, although a rule can be several in the model.
func leftovers(s *Subject) (found []doctor.Finding, err error) {
	rules, err := s.Ruleset.Get()
	for _, r := range rules.Rules {
		what := s.leftover(r)
		if what == "" {
			continue
		}
		f := doctor.Finding{Text: fmt.Sprintf("%s (%s): %s", r.Place, r.Text, what), Command: r.Delete}
		if !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	if len(rules.Legacy) > 0 && err == nil {
		err = fmt.Errorf("%s", strings.Join(rules.Legacy, "; "))
	}
	return found, err
}

// leftover returns what a rule of another program has in common with the old recipe; empty:
// nothing.
func (s *Subject) leftover(r host.Rule) string {
	for rule := r.Rule; rule != nil; rule = rule.Then {
		for _, action := range rule.Actions {
			switch action.Kind {
			case oldconfig.SetMark:
				if cluster := s.clusterOfMark(action); cluster != "" && !movesOnly(r) {
					return "it sets the mark of cluster " + cluster
				}
			case oldconfig.TranslateSource:
				if cluster := s.clusterOfActiveData(r.Rule); cluster != "" {
					return "it translates active data of cluster " + cluster
				}
			}
		}
	}
	return ""
}

// movesOnly reports whether the rule is of a base chain after IPVS, such as postrouting.
func movesOnly(r host.Rule) bool {
	return r.Base != nil && (r.Base.Hook == oldconfig.Postrouting || r.Base.Hook == oldconfig.Forward)
}

// clusterOfMark returns the cluster whose mark the action sets.
func (s *Subject) clusterOfMark(a oldconfig.Action) string {
	for c := range s.clusters {
		for _, mark := range c.Marks() {
			set := a.And == 0 && a.Xor == mark && a.SetMarkByAddr == nil
			if set || slices.ContainsFunc(a.SetMarkByAddr, func(m oldconfig.MarkOf) bool { return m.Mark == mark }) {
				return c.Name
			}
		}
	}
	return ""
}

// clusterOfActiveData returns the cluster whose active data the rule matches: a source port
// of such data, and no source other than its real servers.
func (s *Subject) clusterOfActiveData(rule *oldconfig.Rule) string {
	for c := range s.clusters {
		if c.FTP == nil || c.FTP.Active == nil {
			continue
		}
		for _, server := range c.RealServers {
			if fromActivePort(rule, c.ActivePorts()) && fromAddress(rule, server.Address) {
				return c.Name
			}
		}
	}
	return ""
}

func fromActivePort(rule *oldconfig.Rule, ports []uint16) bool {
	for ; rule != nil; rule = rule.Then {
		for _, m := range rule.Matches {
			if m.Field == oldconfig.SourcePort && !m.Not && slices.ContainsFunc(ports, func(p uint16) bool { return inRanges(m.In, oldconfig.Number{Low: uint64(p)}) }) {
				return true
			}
		}
	}
	return false
}

func fromAddress(rule *oldconfig.Rule, a netip.Addr) bool {
	for ; rule != nil; rule = rule.Then {
		for _, m := range rule.Matches {
			if m.Field == oldconfig.Source && inRanges(m.In, oldconfig.AddressNumber(a)) == m.Not {
				return false
			}
		}
	}
	return true
}

func inRanges(list []oldconfig.Range, n oldconfig.Number) bool {
	return slices.ContainsFunc(list, func(r oldconfig.Range) bool { return r.Low.Compare(n) <= 0 && n.Compare(r.High) <= 0 })
}

func ipvsConntrack(s *Subject) (found []doctor.Finding, err error) {
	if s.Value(config.ConntrackSysctl, "0") != "0" {
		return nil, nil
	}
	if s.Spec.TranslatesClients() {
		return []doctor.Finding{s.setting(config.ConntrackSysctl+" is 0, and a cluster has source-nat", config.ConntrackSysctl, "1")}, nil
	}
	rules, err := s.Ruleset.Get()
	for _, r := range rules.Rules {
		if !translatesSource(r.Rule) {
			continue
		}
		if server := s.namesServer(r); server != "" {
			f := s.setting(fmt.Sprintf("%s is 0, so %s (%s) does not translate packets that IPVS sends to %s", config.ConntrackSysctl, r.Place, r.Text, server), config.ConntrackSysctl, "1")
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found, err
}

func translatesSource(rule *oldconfig.Rule) bool {
	return slices.ContainsFunc(actionsOf(rule), func(a oldconfig.Action) bool { return a.Kind == oldconfig.TranslateSource })
}

// actionsOf returns all actions of a rule, also those that further matches precede.
func actionsOf(rule *oldconfig.Rule) (list []oldconfig.Action) {
	for ; rule != nil; rule = rule.Then {
		list = append(list, rule.Actions...)
	}
	return list
}

// namesServer returns the real server with nat whose packets a rule is written for: it
// matches its address as the destination, or a cluster's mark. A rule without such a match is
// about packets of others too, such as a masquerade of all that leaves by a device.
func (s *Subject) namesServer(r host.Rule) string {
	for server := range s.servers {
		if server.Forwarding != config.NAT {
			continue
		}
		for rule := r.Rule; rule != nil; rule = rule.Then {
			for _, m := range rule.Matches {
				isServer := m.Field == oldconfig.Destination && inRanges(m.In, oldconfig.AddressNumber(server.Address))
				isMark := m.Field == oldconfig.Mark && slices.ContainsFunc(server.cluster.Marks(), func(mark uint32) bool { return inRanges(m.In, oldconfig.Number{Low: uint64(mark & m.Mask)}) })
				if !m.Not && (isServer || isMark) {
					return server.Address.String()
				}
			}
		}
	}
	return ""
}

// assignsFTPHelper reports whether an action assigns a helper for FTP, or one that is not known.
// The helpers of nf_conntrack_ftp are ftp and, with its parameter ports, ftp-PORT.
func assignsFTPHelper(a oldconfig.Action) bool {
	return a.AssignsHelper && (a.Helper == "" || a.Helper == "ftp" || strings.HasPrefix(a.Helper, "ftp-"))
}

func conntrackHelper(s *Subject) (found []doctor.Finding, err error) {
	ftp := s.clustersWhere(func(c *config.Cluster) bool { return c.FTP != nil })
	if len(ftp) == 0 {
		return nil, nil
	}
	rules, err := s.Ruleset.Get()
	for _, r := range rules.Rules {
		if slices.ContainsFunc(actionsOf(r.Rule), assignsFTPHelper) {
			f := doctor.Finding{Text: fmt.Sprintf("%s (%s) gives connections a helper; clusters of FTP: %s", r.Place, r.Text, listed(ftp)), Command: r.Delete}
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	if len(found) == 0 && s.Value("net.netfilter.nf_conntrack_helper", "0") != "0" {
		if state, _ := s.Module("nf_conntrack_ftp"); state == host.Loaded {
			return one(fmt.Sprintf("net.netfilter.nf_conntrack_helper is 1 and nf_conntrack_ftp is loaded: the helper takes every connection to port 21, those of %s included", listed(ftp)),
				"sysctl -w net.netfilter.nf_conntrack_helper=0"), err
		}
	}
	return found, err
}
