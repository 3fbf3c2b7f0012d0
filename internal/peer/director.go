package peer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

func timeouts(ours, theirs config.Timeouts) []Difference {
	if ours == theirs {
		return nil
	}
	return []Difference{{"director.ipvs-timeouts", timeoutText(ours), timeoutText(theirs), "an idle connection, such as a control connection during a transfer, ends earlier after a fail-over"}}
}

// timeoutText returns the timeouts in the spec; empty: it has none, and those of the kernel stay.
func timeoutText(t config.Timeouts) string {
	var words []string
	for _, each := range []struct {
		name  string
		value time.Duration
	}{{"tcp", t.TCP}, {"tcp-fin", t.TCPFin}, {"udp", t.UDP}} {
		if each.value > 0 {
			words = append(words, each.name+" "+each.value.String())
		}
	}
	return strings.Join(words, ", ")
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
	add("director.marks", ours.Marks.String(), theirs.Marks.String(), "with first-packet, packets of connections that were not synchronized get no mark after a fail-over")
	add("director.keep-marks", fmt.Sprint(ours.KeepMarks), fmt.Sprint(theirs.KeepMarks), "rules of other programs can change marks on one director only")
	add("director.local-clients", fmt.Sprint(ours.LocalClients), fmt.Sprint(theirs.LocalClients), "programs of one director only reach the VIPs through IPVS")
	add("director.ip-forward", fmt.Sprint(ours.IPForward), fmt.Sprint(theirs.IPForward), "a director that does not forward drops the replies of real servers behind nat")
	add("director.sysctls", sysctls(ours.Sysctls, ofIPVS), sysctls(theirs.Sysctls, ofIPVS), "IPVS treats connections in another way after a fail-over")
	add("director.sysctls", sysctls(ours.Sysctls, ofKernel), sysctls(theirs.Sysctls, ofKernel), "the kernel treats packets in another way after a fail-over")
	found = append(found, synchronization(ours.Sync, theirs.Sync)...)
	add("director.vrrp", router(ours.VRRP), router(theirs.VRRP), "directors elect a master among those with the same router-id and interval only, so both would have the VIPs")
	add("director.vrrp", gateways(ours.VRRP), gateways(theirs.VRRP), "real servers behind nat have no route to the clients on one director")
	found = append(found, advertisements(ours.VRRP, theirs.VRRP)...)
	if ours.VRRP != nil && theirs.VRRP != nil && ours.VRRP.Priority == theirs.VRRP.Priority {
		p := fmt.Sprintf("priority %d", ours.VRRP.Priority)
		found = append(found, Difference{"director.vrrp", p, p, "with the same priority, the higher address wins: give each director its own"})
	}
	return found
}

const ipvsPrefix = "net.ipv4.vs."

// sysctls returns those that the function selects.
func sysctls(list []config.Sysctl, selected func(name string) bool) string {
	var text []string
	for _, s := range list {
		if selected(s.Name) {
			text = append(text, s.Name+": "+s.Value)
		}
	}
	return strings.Join(text, ", ")
}

func ofIPVS(name string) bool { return strings.HasPrefix(name, ipvsPrefix) }

// ofKernel selects the other sysctls, without those of a device, whose name may differ.
func ofKernel(name string) bool {
	words := strings.Split(name, ".")
	if len(words) < 4 || words[2] != "conf" && words[2] != "neigh" {
		return !ofIPVS(name)
	}
	return words[3] == "all" || words[3] == "default"
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
