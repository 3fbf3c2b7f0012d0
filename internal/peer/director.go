package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// activeData compares how clusters of the same name translate active data: clients refuse data
// from another address than before.
func activeData(ours, theirs *config.Spec) (found []Difference) {
	text := map[string]string{}
	for i := range theirs.Clusters {
		text[theirs.Clusters[i].Name] = translation(&theirs.Clusters[i])
	}
	for i := range ours.Clusters {
		c := &ours.Clusters[i]
		if other, ok := text[c.Name]; ok && other != translation(c) {
			found = append(found, Difference{"cluster " + c.Name, translation(c), other, "clients see active data from another address after a fail-over"})
		}
	}
	return found
}

func translation(c *config.Cluster) string {
	if c.FTP == nil || c.FTP.Active == nil {
		return ""
	}
	return "active data translated by " + c.FTP.Active.Translate.String()
}

func timeouts(ours, theirs config.Timeouts) []Difference {
	if ours == theirs {
		return nil
	}
	text := func(t config.Timeouts) string {
		return fmt.Sprintf("tcp %s, tcp-fin %s, udp %s", t.TCP, t.TCPFin, t.UDP)
	}
	return []Difference{{"director.ipvs-timeouts", text(ours), text(theirs), "an idle connection, such as a control connection during a transfer, ends earlier after a fail-over"}}
}

const otherOwner = "lvsmark owns IPVS on one director and another program on the other: services and sync daemons of both must agree"

// directors compares the keys for the pair.
func directors(ours, theirs *config.Director) (found []Difference) {
	add := func(object, a, b, reason string) {
		if a != b {
			found = append(found, Difference{object, a, b, reason})
		}
	}
	add("director.bind", fmt.Sprint(ours.Bind), fmt.Sprint(theirs.Bind), otherOwner)
	add("director.sync", stream(ours.Sync), stream(theirs.Sync), "a backup drops messages with another id, and gets none from another group or port")
	if ours.Sync != nil && theirs.Sync != nil {
		found = append(found, roles(ours.Sync, theirs.Sync)...)
	}
	add("director.vrrp", router(ours.VRRP), router(theirs.VRRP), "directors elect a master among those with the same router-id and interval only, so both would have the VIPs")
	add("director.vrrp", gateways(ours.VRRP), gateways(theirs.VRRP), "real servers behind nat have no route to the clients on one director")
	found = append(found, advertisements(ours.VRRP, theirs.VRRP)...)
	if ours.VRRP != nil && theirs.VRRP != nil && ours.VRRP.Priority == theirs.VRRP.Priority {
		p := fmt.Sprintf("priority %d", ours.VRRP.Priority)
		found = append(found, Difference{"director.vrrp", p, p, "with the same priority, the higher address wins: give each director its own"})
	}
	return found
}

// roles checks that what one director sends the other receives as a whole.
func roles(ours, theirs *config.Sync) []Difference {
	switch {
	case ours.Role == theirs.Role && ours.Role != config.SyncBoth:
		return []Difference{{"director.sync", "role " + ours.Role.String(), "role " + theirs.Role.String(), "no director sends what the other receives: set role: both, or master and backup"}}
	case ours.MaxLen != theirs.MaxLen:
		return []Difference{{"director.sync", fmt.Sprintf("maxlen %d", ours.MaxLen), fmt.Sprintf("maxlen %d", theirs.MaxLen), "a backup truncates messages that are longer than its own maxlen"}}
	}
	return nil
}

// stream returns what master and backup must have in common.
func stream(s *config.Sync) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("id %d, group %s, port %d", s.ID, s.Group, s.Port)
}

// gateways returns the addresses; their devices may differ.
func gateways(v *config.VRRP) string {
	if v == nil {
		return ""
	}
	var text []string
	for _, g := range v.Gateways {
		text = append(text, g.Address.String())
	}
	slices.Sort(text)
	return strings.Join(text, ", ")
}

func router(v *config.VRRP) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("router-id %d, interval %s", v.RouterID, v.Interval)
}
