package impact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

func (a *analyzer) service(c ipvs.Change) Impact {
	switch c.Op {
	case ipvs.EditService:
		return a.serviceEdited(c.Previous, c.Service)
	case ipvs.DelService:
		return a.serviceDeleted(c.Service.Key)
	case ipvs.EditDestination:
		return a.reassigned(c, a.serverEdited(c))
	case ipvs.DelDestination:
		return a.shardLost(c, a.reassigned(c, a.serverDeleted(c)))
	}
	return a.reassigned(c, Impact{Effect: Safe})
}

// serviceDeleted counts no connections: the deletions of the real servers, which come
// first, count them.
func (a *analyzer) serviceDeleted(key ipvs.Key) Impact {
	if len(a.servers[key]) == 0 {
		return Impact{Effect: Safe}
	}
	return Impact{Effect: Drains, Cluster: a.clusterName(key), Detail: "no new connections of " + a.markName(key)}
}

// serverDeleted returns the impact of a deleted real server: IPVS drops the packets of connections whose real server was deleted
// (ip_vs_in in net/netfilter/ipvs/ip_vs_core.c tests IP_VS_DEST_F_AVAILABLE).
func (a *analyzer) serverDeleted(c ipvs.Change) Impact {
	key := c.Service.Key
	counts := a.countsOf(key, c.Before.Endpoint())
	impact := Impact{
		Effect: Cuts, Connections: int(counts.Active),
		Cluster: a.clusterName(key), Server: a.serverName(c.Before.Address), Detail: countsText(counts),
	}
	if servers, ok := a.flows()[key]; ok {
		flows := servers[c.Before.Address]
		impact.Connections += flows
		impact.Detail += "; " + countOf(flows, "flow") + " of UDP"
		impact.Unknown = a.readError != nil
	}
	if impact.Connections == 0 && !impact.Unknown {
		impact.Effect = Safe
	}
	if move := a.shardMove(key, c.Before.Address); move != "" {
		impact.Detail = move + "; " + impact.Detail
		if impact.Effect == Safe {
			impact.Effect = Drains
		}
	}
	return impact
}

func countsText(c ipvs.Connections) string {
	return fmt.Sprintf("%d active, %d inactive, %d persistent", c.Active, c.Inactive, c.Persistent)
}

// serverEdited returns the impact of an edited real server. A connection keeps its
// forwarding method (ip_vs_bind_dest copies it), but the kernel encapsulates each packet
// by the current tunnel settings of the real server (ip_vs_tunnel_xmit).
func (a *analyzer) serverEdited(c ipvs.Change) Impact {
	counts := a.countsOf(c.Service.Key, c.Before.Endpoint())
	impact := Impact{Effect: Safe, Cluster: a.clusterName(c.Service.Key), Server: a.serverName(c.Before.Address)}
	before, after := c.Before, c.After
	switch {
	case before.Tunnel != after.Tunnel && before.Forwarding == config.Tunnel && counts.Active > 0:
		impact.Effect, impact.Connections = Cuts, int(counts.Active)
		impact.Detail = "the tunnel encapsulation changes; " + countsText(counts)
	case before.Weight > 0 && after.Weight == 0:
		impact.Effect = Drains
		impact.Detail = "no new clients; " + countsText(counts)
		if a.hasShards(c.Service.Key) {
			impact.Detail = "no new sessions, and those it has can open data connections; " + countsText(counts)
		}
	case reachesThreshold(counts, after) && !reachesThreshold(counts, before):
		impact.Effect = Drains
		impact.Detail = fmt.Sprintf("at most one new client while it has %s or more; ", countOf(int(after.UpperThreshold), "connection")) + countsText(counts)
	case before.Forwarding != after.Forwarding || before.RawForwarding != after.RawForwarding:
		impact.Detail = "existing connections keep their forwarding method; " + countsText(counts)
	}
	impact.addRemoved(before.RemovedBy(after))
	return impact
}

// reachesThreshold reports whether the real server has as many connections as it may have.
// The kernel compares them when the real server gets its next connection (ip_vs_bind_dest of
// net/netfilter/ipvs/ip_vs_conn.c), most kernels not when the threshold is edited
// (__ip_vs_update_dest of ip_vs_ctl.c), so one more client may reach it.
func reachesThreshold(c ipvs.Connections, d ipvs.Destination) bool {
	return d.UpperThreshold > 0 && c.Active+c.Inactive >= d.UpperThreshold
}

// addRemoved adds the properties that an edit removes: apply --adopt takes over services of
// other programs, which may have any.
func (i *Impact) addRemoved(names []string) {
	if len(names) == 0 {
		return
	}
	if i.Detail != "" {
		i.Detail += "; "
	}
	i.Detail += "removes " + strings.Join(names, ", ")
}

// serviceEdited returns the impact of an edited service. Established connections always
// continue. But an FTP session needs its next data connection on the same real server,
// by persistence or by a scheduler that chooses by address.
func (a *analyzer) serviceEdited(before, after ipvs.Service) Impact {
	impact := a.affinityLost(before, after)
	if impact.Effect == Safe && before.Flags&ipvs.OnePacket == 0 && after.Flags&ipvs.OnePacket != 0 {
		impact = a.onePacket(after.Key)
	}
	impact.addRemoved(before.RemovedBy(after))
	return impact
}

// onePacket returns the impact of one-packet scheduling. Flows that IPVS knows continue. It keeps
// no entry for new ones, by which it would translate the answers of real servers with nat
// (ip_vs_schedule of net/netfilter/ipvs/ip_vs_core.c).
func (a *analyzer) onePacket(key ipvs.Key) Impact {
	a.serversBeforeOrAfter(key)
	isNAT := func(d ipvs.Destination) bool { return d.Forwarding == config.NAT }
	switch {
	case slices.ContainsFunc(a.desired[key], isNAT):
		return Impact{Effect: Drains, Cluster: a.clusterName(key), Detail: "answers to new flows come from the addresses of the real servers with nat, which clients refuse"}
	case len(a.desired[key]) > 1:
		return Impact{Effect: Drains, Cluster: a.clusterName(key), Detail: "each packet of a new flow may reach another real server"}
	}
	return Impact{Effect: Safe}
}

func (a *analyzer) affinityLost(before, after ipvs.Service) Impact {
	impact := Impact{Effect: Safe}
	sharded := a.hasShards(after.Key)
	if !losesAffinity(before, after) || a.serversBeforeOrAfter(after.Key) < 2 || sharded && !a.marksActive(after.Key) {
		return impact
	}
	impact.Cluster = a.clusterName(after.Key)
	cluster := a.clusters[after.Key]
	if cluster == nil || cluster.FTP == nil {
		impact.Effect = Drains
		impact.Detail = "a client's next connection may reach another real server"
		return impact
	}
	for _, s := range a.servers[after.Key] {
		if !a.removed[after.Key][s.Endpoint()] {
			impact.Connections += int(s.Connections.Active)
		}
	}
	switch {
	case impact.Connections == 0:
	case sharded:
		return activeReassigned(Impact{Effect: Safe, Cluster: impact.Cluster})
	default:
		impact.Effect, impact.Detail = Cuts, otherServer
	}
	return impact
}

// losesAffinity reports whether the next connection of a client may reach another
// real server than its previous connection.
func losesAffinity(before, after ipvs.Service) bool {
	if before.Timeout == 0 {
		return choosesByAddress(before) && (after.SchedName != before.SchedName || !choosesByAddress(after))
	}
	return after.Timeout == 0 || after.Netmask != before.Netmask ||
		after.RawNetmask != before.RawNetmask || after.PEName != before.PEName
}

// choosesByAddress reports whether the scheduler sends a client, or a VIP, to the
// same real server as long as the real servers are the same.
func choosesByAddress(s ipvs.Service) bool {
	byPort := s.Flags&ipvs.SHPort != 0 && (s.SchedName == "sh" || s.SchedName == "mh")
	return slices.Contains([]string{"sh", "dh", "mh", "lblc", "lblcr"}, s.SchedName) && !byPort
}
