package impact

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// onlyOf returns the conditions of a rule that marks packets by VIP or by port; none for
// other rules.
func onlyOf(t *nft.Table, r *nft.Rule) nft.Selection {
	if rule, ok := t.MarkRule(r); ok {
		return rule.Only
	}
	rule, _ := t.PortMarkRule(r)
	return rule.Only
}

// restrictedShards returns a rule with conditions that marks packets by port. Its VIPs are
// those of which packets go to the chain.
func restrictedShards(t *nft.Table, c *nft.Chain, rule nft.PortMarkRule, only *conditions) restrictedRule {
	restricted := restrictedRule{only: only}
	for _, p := range rule.Ports.PortMarks() {
		restricted.ports = append(restricted.ports, firewall.MarkedPorts{PortRange: p.PortRange, Mark: p.Mark})
	}
	for _, base := range t.MarkChains() {
		for _, r := range t.MarkRules(base) {
			if g, ok := t.GotoRule(r); ok && base.Hook == nft.HookPrerouting {
				restricted.marks = restricted.marks.join(newVIPLookup(g.VIPs).to(c.Name))
			}
		}
	}
	return restricted
}

// to returns the entries of a map from VIPs to chains that lead to the chain.
func (l vipLookup) to(chain string) vipLookup {
	return vipLookup{l.single.To(chain), slices.DeleteFunc(slices.Clone(l.networks), func(e nft.VIPEntry) bool { return e.Chain != chain })}
}

// join returns the entries of a map from single VIPs and those of one from networks.
func (l vipLookup) join(other vipLookup) vipLookup {
	if len(l.networks) == 0 {
		l.networks = other.networks
	}
	if l.single.IsEmpty() {
		l.single = other.single
	}
	return l
}

// hasShards reports whether the services before the changes have passive shards of the
// cluster: then no data connection depends on the service of the control ports.
func (a *analyzer) hasShards(key ipvs.Key) bool {
	cluster, ok := config.SplitBindingName(a.before[key])
	if ok || cluster == "" {
		return ok
	}
	for other, name := range a.before {
		if of, shard := config.SplitBindingName(name); shard && of == cluster && other.Family == key.Family {
			return true
		}
	}
	return false
}

// shardMove describes what the FTP server of a real server needs that moves from the shard of a
// service to another one; empty: it does not move, or has the other one already.
func (a *analyzer) shardMove(from ipvs.Key, server netip.Addr) string {
	of, shard, isShard := strings.Cut(a.before[from], "/")
	cluster := a.successor(of, from.Family)
	if !isShard || cluster == nil {
		return ""
	}
	for _, b := range cluster.Bindings(from.Family) {
		if b.IsShard && b.RealServers[0].Address == server {
			to := strconv.Itoa(b.RealServers[0].Shard)
			if has := a.servesBefore(server, from.Family, func(name string) bool { return name == of+"/"+to }); to == shard || len(has) > 0 {
				return ""
			}
			return fmt.Sprintf("moves to %s: new data connections fail until its FTP server has the ports %d-%d", b.Name(), b.Ports[0].Low, b.Ports[0].High)
		}
	}
	return ""
}

// portsOfShard describes what the FTP server of a real server needs whose shard has other ports than
// before; empty: it has all of the ports of the redirection, or shardMove describes it.
func (a *analyzer) portsOfShard(r redirection) string {
	of, isShard := config.SplitBindingName(a.before[r.from])
	cluster := a.successor(of, r.from.Family)
	if !isShard || cluster == nil || !cluster.Sharded() {
		return ""
	}
	for _, b := range cluster.Bindings(r.from.Family) {
		server := b.RealServers[0]
		if !b.IsShard || !slices.ContainsFunc(a.servers[r.from], func(d ipvs.Destination) bool { return d.Address == server.Address }) {
			continue
		}
		now := b.Ports[0]
		if slices.ContainsFunc(r.ports, func(old config.PortRange) bool { return old.Low < now.Low || now.High < old.High }) && a.shardMove(r.from, server.Address) == "" {
			return fmt.Sprintf("data connections of %s fail there until its FTP server has the ports %d-%d", cmp.Or(server.Name, server.Address.String()), now.Low, now.High)
		}
	}
	return ""
}

// servesBefore returns the services that had the real server before the changes, those of bindings
// that the function selects, by their marks. An apply that was killed leaves two of one name.
func (a *analyzer) servesBefore(server netip.Addr, family config.Family, selects func(name string) bool) (keys []ipvs.Key) {
	for key, name := range a.before {
		if key.Family == family && selects(name) && slices.ContainsFunc(a.servers[key], func(d ipvs.Destination) bool { return d.Address == server }) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b ipvs.Key) int { return cmp.Compare(a.Mark, b.Mark) })
	return keys
}

// shardLost adds to the impact of a real server that is deleted from its shard what that does to
// its sessions if the cluster has no shards any more: no template remembers their real server, so
// persistence may choose another one for the next data connection. The first of several shards of
// the real server has its sessions.
func (a *analyzer) shardLost(c ipvs.Change, impact Impact) Impact {
	key, server := c.Service.Key, c.Before.Address
	of, isShard := config.SplitBindingName(a.before[key])
	cluster := a.successor(of, key.Family)
	if !isShard || cluster == nil || cluster.FTP == nil || cluster.Sharded() {
		return impact
	}
	after := ipvs.Key{Mark: cluster.Mark, Family: key.Family}
	if a.serversBeforeOrAfter(after) < 2 || len(a.desired[after]) == 0 {
		return impact
	}
	shards := a.servesBefore(server, key.Family, func(name string) bool { return strings.HasPrefix(name, of+"/") })
	if len(shards) > 0 && shards[0] != key {
		return impact
	}
	sessions := 0
	for _, control := range a.servesBefore(server, key.Family, func(name string) bool { return name == of }) {
		if a.keepsAddresses(control, after) {
			continue
		}
		for _, d := range a.servers[control] {
			if d.Address == server && !a.removed[control][d.Endpoint()] {
				sessions += int(d.Connections.Active)
			}
		}
	}
	if sessions == 0 {
		return impact
	}
	impact.Effect, impact.Reassigns = Cuts, true
	impact.Connections += sessions
	impact.Detail = otherServer + "; " + impact.Detail
	return impact
}

// keepsAddresses reports whether the scheduler of a service before the changes chose by address, and
// that of one after them chooses in the same way.
func (a *analyzer) keepsAddresses(before, after ipvs.Key) bool {
	was, is := serviceOf(a.Before.Services, before), serviceOf(a.After.Services, after)
	return choosesByAddress(was) && choosesByAddress(is) && was.SchedName == is.SchedName
}

// serviceOf returns the service of the key; the zero value: there is none.
func serviceOf(list []ipvs.VirtualService, key ipvs.Key) (s ipvs.Service) {
	if i := slices.IndexFunc(list, func(s ipvs.VirtualService) bool { return s.Key == key }); i >= 0 {
		s = list[i].Service
	}
	return s
}

// successor returns the cluster of the spec that had the name before: the one with this name, or
// else, if it was renamed, the one with its mark; nil if there is none.
func (a *analyzer) successor(name string, family config.Family) *config.Cluster {
	if a.Spec == nil {
		return nil
	}
	clusters := a.Spec.Clusters
	i := slices.IndexFunc(clusters, func(c config.Cluster) bool { return c.Name == name })
	if i < 0 {
		i = slices.IndexFunc(clusters, func(c config.Cluster) bool {
			return c.Serves(family) && a.before[ipvs.Key{Mark: c.Mark, Family: family}] == name
		})
	}
	if i < 0 {
		return nil
	}
	return &clusters[i]
}
