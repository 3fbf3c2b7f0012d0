package lvsmark

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

func (j *analyzer) serviceChanges(list []ipvs.Change) []Change {
	changes := make([]Change, len(list))
	for i, c := range list {
		changes[i] = Change{
			Op: Op(c.Verb()), Kind: c.Kind(), Where: c.Where(), Before: c.BeforeText(), After: c.AfterText(),
			Impact: j.serviceImpact(c),
		}
	}
	return changes
}

func (j *analyzer) serviceImpact(c ipvs.Change) Impact {
	switch c.Op {
	case ipvs.EditService:
		return j.serviceEdited(c.Previous, c.Service)
	case ipvs.DelService:
		return j.serviceDeleted(c.Service.Key)
	case ipvs.EditDestination:
		return j.serverEdited(c)
	case ipvs.DelDestination:
		return j.serverDeleted(c)
	}
	return Impact{Effect: Safe}
}

// serviceDeleted leaves the connections to the lines of the real servers, which
// are deleted before.
func (j *analyzer) serviceDeleted(key ipvs.Key) Impact {
	if len(j.served[key]) == 0 {
		return Impact{Effect: Safe}
	}
	return Impact{Effect: Drains, Cluster: j.cluster(key), Detail: "no new connections of " + j.mark(key)}
}

// serverDeleted: IPVS drops the packets of connections whose real server is
// gone (ip_vs_in looks for IP_VS_DEST_F_AVAILABLE).
func (j *analyzer) serverDeleted(c ipvs.Change) Impact {
	key := c.Service.Key
	held := j.held(key, c.Before.Endpoint())
	impact := Impact{
		Effect: Cuts, Connections: int(held.Active),
		Cluster: j.cluster(key), Server: j.server(c.Before.Address), Detail: counts(held),
	}
	if servers, ok := j.flows()[key]; ok {
		flows := servers[c.Before.Address]
		impact.Connections += flows
		impact.Detail += "; " + countOf(flows, "flow") + " of UDP"
		impact.Unknown = j.err != nil
	}
	if impact.Connections == 0 && !impact.Unknown {
		impact.Effect = Safe
	}
	return impact
}

func counts(c ipvs.Connections) string {
	return fmt.Sprintf("%d active, %d inactive, %d persistent", c.Active, c.Inactive, c.Persistent)
}

// serverEdited: a connection keeps the forwarding method that it began with
// (ip_vs_bind_dest copies it), but each packet in a tunnel is wrapped as the real
// server has it at that moment (ip_vs_tunnel_xmit).
func (j *analyzer) serverEdited(c ipvs.Change) Impact {
	held := j.held(c.Service.Key, c.Before.Endpoint())
	impact := Impact{Effect: Safe, Cluster: j.cluster(c.Service.Key), Server: j.server(c.Before.Address)}
	before, after := c.Before, c.After
	switch {
	case before.Tunnel != after.Tunnel && before.Forwarding == config.Tunnel && held.Active > 0:
		impact.Effect, impact.Connections = Cuts, int(held.Active)
		impact.Detail = "packets are wrapped in another way; " + counts(held)
	case before.Weight > 0 && after.Weight == 0:
		impact.Effect = Drains
		impact.Detail = "no new clients; " + counts(held)
	case before.Forwarding != after.Forwarding || before.RawForwarding != after.RawForwarding:
		impact.Detail = "those there keep their way of forwarding; " + counts(held)
	}
	return impact
}

// serviceEdited: connections that are established go on, whatever is edited. But
// an FTP session needs its next data connection on the same real server, which
// persistence sees to, or else a scheduler that goes by addresses.
func (j *analyzer) serviceEdited(previous, service ipvs.Service) Impact {
	impact := Impact{Effect: Safe}
	if !forgets(previous, service) || j.serversOf(service.Key) < 2 {
		return impact
	}
	impact.Cluster = j.cluster(service.Key)
	cluster := j.clusters[service.Key]
	if cluster == nil || cluster.FTP == nil {
		impact.Effect = Drains
		impact.Detail = "a client's next connection may reach another real server"
		return impact
	}
	for _, s := range j.served[service.Key] {
		if !j.leaving[service.Key][s.Endpoint()] {
			impact.Connections += int(s.Connections.Active)
		}
	}
	if impact.Connections > 0 {
		impact.Effect = Cuts
		impact.Detail = "an FTP session's next data connection may reach another real server"
	}
	return impact
}

// forgets reports whether a client may no longer reach the real server that it
// is on.
func forgets(previous, service ipvs.Service) bool {
	if previous.Timeout == 0 {
		return goesByAddress(previous.SchedName) && service.SchedName != previous.SchedName
	}
	return service.Timeout == 0 || service.Netmask != previous.Netmask ||
		service.RawNetmask != previous.RawNetmask || service.PEName != previous.PEName
}

// goesByAddress names the schedulers that send a client, or a VIP, to one real
// server as long as the real servers are the same.
func goesByAddress(scheduler string) bool {
	return slices.Contains([]string{"sh", "dh", "mh", "lblc", "lblcr"}, scheduler)
}
