package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

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
	add("director.sysctls", ipvsSysctls(ours.Sysctls), ipvsSysctls(theirs.Sysctls), "IPVS treats connections in another way after a fail-over")
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
	const mend = ": set role: both, or master and backup"
	here, there := "role "+ours.Role.String(), "role "+theirs.Role.String()
	switch {
	case ours.Role == theirs.Role && ours.Role != config.SyncBoth:
		return []Difference{{"director.sync", here, there, "no director sends what the other receives" + mend}}
	case ours.Role != theirs.Role && (ours.Role == config.SyncBoth || theirs.Role == config.SyncBoth):
		return []Difference{{"director.sync", here, there, "one director sends what the other does not receive, or receives what it does not send" + mend}}
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

// ipvsSysctls returns the sysctls of IPVS. Others may belong to devices of one director.
func ipvsSysctls(sysctls []config.Sysctl) string {
	var text []string
	for _, s := range sysctls {
		if strings.HasPrefix(s.Name, "net.ipv4.vs.") {
			text = append(text, s.Name+": "+s.Value)
		}
	}
	return strings.Join(text, ", ")
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
