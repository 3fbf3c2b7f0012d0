package firewall

import (
	"slices"
	"strings"

	"github.com/google/nftables/expr"
)

// A rule that depends on conditions may end the path of packets, through its chain or
// through all rules. What later rules do to these packets depends on the same conditions.

// A leave is packets that may have left a chain for its caller, under conditions.
type leave struct {
	parts      []part
	returned   []part // those that go on in the caller
	conditions []string
}

// mayEnd handles a verdict that depends on conditions. accepted and through are the
// packets that the target chain of the verdict accepts and returns. It returns next, the
// packets that go on to the next rule, with the conditions.
func (w *walk) mayEnd(g group, accepted, through, next []part, conditions []string) []part {
	if len(next) == 0 || next[0].clusters == nil || w.isNever(conditions) {
		return next
	}
	switch g.verdict {
	case expr.VerdictAccept:
		return mayBeAccepted(next, g.parts, conditions)
	case expr.VerdictReturn:
		w.addLeave(leave{g.parts, g.parts, conditions})
	case expr.VerdictGoto:
		w.addLeave(leave{g.parts, through, conditions})
	}
	if g.verdict != expr.VerdictJump && g.verdict != expr.VerdictGoto {
		return next
	}
	accepted = slices.Clone(accepted)
	for _, p := range through {
		if len(p.accepted) > 0 {
			accepted = append(accepted, p)
		}
	}
	return mayBeAccepted(next, accepted, conditions)
}

// addLeave adds packets that may leave the chain. There is one leave for each list of
// conditions, because a chain may have thousands of rules.
func (w *walk) addLeave(added leave) {
	leaves := &w.leaves[len(w.leaves)-1]
	for i := range *leaves {
		if l := &(*leaves)[i]; slices.Equal(l.conditions, added.conditions) {
			l.parts = append(l.parts, withoutParts(added.parts, l.parts)...)
			l.returned = append(l.returned, withoutParts(added.returned, l.returned)...)
			return
		}
	}
	added.parts, added.returned = slices.Clip(added.parts), slices.Clip(added.returned)
	*leaves = append(*leaves, added)
}

// withLeaves adds the packets that may have left the current chain to those that surely go
// on in its caller.
func (w *walk) withLeaves(back []part) []part {
	for _, l := range w.leaves[len(w.leaves)-1] {
		back = forgetWhereChanged(back, l.returned)
		for _, p := range withoutParts(l.returned, back) {
			p.accepted = joinConditions(p.accepted, l.conditions)
			back = append(back, p)
		}
	}
	return back
}

// isNever reports whether no packet in the known state of its flow meets the conditions. The status
// of a connection that IPVS does not confirm stays that of a new one.
func (w *walk) isNever(conditions []string) bool {
	return slices.Contains(conditions, ctState) ||
		slices.Contains(conditions, ctStatus) && w.space.flow == toVIP && !w.space.tracking.IPVS
}

// mayBeAccepted adds the conditions to the parts that a rule may have accepted.
func mayBeAccepted(parts, accepted []part, conditions []string) []part {
	lacksCondition := func(p part) bool {
		return slices.ContainsFunc(conditions, func(c string) bool { return !slices.Contains(p.accepted, c) })
	}
	if len(accepted) == 0 || !slices.ContainsFunc(parts, lacksCondition) {
		return parts
	}
	result := withoutParts(parts, accepted)
	for _, p := range withoutParts(parts, result) {
		p.accepted = joinConditions(p.accepted, conditions)
		result = append(result, p)
	}
	return result
}

// allConditions returns the conditions that the effect of a rule on the branch depends on:
// those of the rule, of earlier rules that may have ended the path of the packets, and of the
// packets themselves.
func (w *walk) allConditions(b branch) []string {
	conditions := joinConditions(w.space.conditions, joinConditions(b.conditions, b.accepted))
	for _, leaves := range w.leaves {
		for _, l := range leaves {
			if slices.ContainsFunc(l.parts, b.overlaps) {
				conditions = joinConditions(conditions, l.conditions)
			}
		}
	}
	return conditions
}

// joinConditions returns the conditions of both lists, sorted.
func joinConditions(a, b []string) []string {
	if len(a)+len(b) < 2 {
		return append(slices.Clip(a), b...)
	}
	joined := slices.Concat(a, b)
	slices.Sort(joined)
	return slices.Compact(joined)
}

// isReported reports whether a rule with these conditions is worth a warning. For packets
// to VIPs, every rule is. Of the other flows the client is unknown, and many rules of
// others are for some hosts or ports that are not clients. So a rule counts if it is for
// all clients but some, or if it depends on no property of the client.
func (f flow) isReported(conditions []string) bool {
	return f == toVIP || !slices.ContainsFunc(conditions, isOfClient)
}

// isOfClient reports whether packets of some clients meet a condition, and those of others may not.
func isOfClient(condition string) bool {
	switch condition {
	case "iif", "iifname", "iifgroup", "meta iiftype", "meta iifkind", "meta sdif", "meta sdifname", "fib":
	case "oif", "oifname", "oifgroup", "meta oiftype", "meta oifkind", flowtableDevices:
	case afterNotrack, ipvsOrder, ctOrder, connectionTracking:
	case "limit", "quota", ctCount, ctStatus, ctVolume, setUpdate, "numgen", "hash", "meta random", "meta cpu", "meta pkttype":
	case "ct direction", "ct expiration", "ct helper", "ct label", "ct protocol", "ct zone":
	case "meta length", "meta priority", "meta time", "meta day", "meta hour":
	case "connbytes", "connlimit", "cpu", "dscp", "ecn", "hashlimit", "hl", "length", "tcpmss", "tos", "ttl", "pkttype", "statistic", "time": // of iptables
	default:
		return !strings.HasPrefix(condition, onDevice) && !strings.HasPrefix(condition, unprivileged) && !strings.HasSuffix(condition, allBut) &&
			!strings.HasPrefix(condition, unknownPrefix) && !isOfHeader(condition)
	}
	return false
}

// isOfHeader reports whether a condition is about a field of the headers of IP or TCP that is no
// address and no port. The offset of fragments is left out: packets of the clusters are whole.
func isOfHeader(condition string) bool {
	header, field, _ := strings.Cut(condition, " ")
	switch {
	case strings.HasPrefix(header, "@th,"):
		return true // ports have names
	case header == "ip" || header == "ip6" || header == "tcp":
		return !strings.Contains(field, "addr") && !strings.Contains(field, "port") && !strings.HasPrefix(field, "frag")
	}
	return false
}
