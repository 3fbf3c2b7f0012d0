package firewall

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// Conditions of packets that are no first packets, or of chains whose order is unknown.
const (
	ctState      = "ct state"
	ctStatus     = "ct status"
	ctCount      = "ct count"
	ctVolume     = "ct bytes or packets"
	afterNotrack = "ct state after notrack"
	oneDirection = "ct state of one direction"
	onDevice     = "device "
	ipvsOrder    = "the order of the chain and IPVS"
	ctOrder      = "the order of the chain and connection tracking"

	connectionTracking = "connection tracking" // of the family: without it, no chain of type nat gets a packet

	flowtableDevices = "the devices of the flowtable"
)

// resolve returns the value that v has in the branch.
func (w *walk) resolve(b *branch, v value) value {
	switch v.kind {
	case mark:
		w.testMark(b)
		if w.changed.mark {
			return opaqueValue(v.name, v.size)
		}
	case ctMark:
		if w.changed.ctMark || !w.isTracked(b) {
			return opaqueValue(v.name, v.size)
		}
		v.kind, v.bytes, v.firstPacketOnly = constant, v.apply(hostUint32(0)), true
		return v
	case state:
		return w.state(b, v)
	case status:
		return w.status(b, v)
	case tcpFlags:
		return w.space.flow.flags(b, v)
	case packetType:
		return w.packetType(v)
	}
	return b.resolve(v)
}

// packetType returns the type of the packets, which IPVS takes or the kernel forwards. A device may
// give them another one before.
func (w *walk) packetType(v value) value {
	if at := w.hookPoint.hook; w.changed.packetType || at != prerouting && at != inputOrForward {
		return opaqueValue(v.name, v.size)
	}
	v.kind, v.bytes = constant, v.apply([]byte{packetHost})
	return v
}

// state returns the state of connection tracking, which ct expressions before connection
// tracking see as invalid.
func (w *walk) state(b *branch, v value) value {
	known := w.space.flow.state(w.space.tracking, b.protocol, b.later)
	switch {
	case w.changed.tracking:
		return opaqueValue(afterNotrack, v.size)
	case w.besideTracking():
		return opaqueValue(ctOrder, v.size)
	case w.beforeTracking():
		v.firstPacketOnly, known = false, stateInvalid
	case known == 0:
		return opaqueValue(oneDirection, v.size)
	default:
		v.firstPacketOnly = w.space.flow == toVIP
	}
	v.kind, v.bytes = constant, v.apply(hostUint32(known))
	return v
}

// Bits of the status of connections, of linux/netfilter/nf_conntrack_common.h.
const destinationDone = 0x100 // IPS_DST_NAT_DONE: a nat hook has seen the connection

// status returns the status of the connection. That of a new one has no bit but destinationDone.
func (w *walk) status(b *branch, v value) value {
	switch {
	case w.changed.tracking:
		return opaqueValue(afterNotrack, v.size)
	case w.besideTracking():
		return opaqueValue(ctOrder, v.size)
	case w.hasNone(b) || !w.isUntranslated(b):
		return opaqueValue(ctStatus, v.size)
	}
	none, seen := v.apply(hostUint32(0)), v.apply(hostUint32(destinationDone))
	if !slices.Equal(none, seen) {
		v.alternative = seen
	}
	v.kind, v.bytes, v.firstPacketOnly = constant, none, w.space.flow == toVIP
	return v
}

// hasNone reports whether connection tracking surely has no connection for the packets: no
// expression of a property of the connection matches.
func (w *walk) hasNone(b *branch) bool {
	known := w.space.flow.state(w.space.tracking, b.protocol, b.later)
	return !w.changed.tracking && (w.beforeTracking() || !w.besideTracking() && (known == stateInvalid || known == stateUntracked))
}

// isUntranslated reports whether the packets surely have no connection that is translated: they
// have none, or begin one.
func (w *walk) isUntranslated(b *branch) bool {
	flow := w.space.flow
	isFirst := (flow == toVIP || flow == reply || flow == active) && flow.state(w.space.tracking, b.protocol, b.later) == stateNew
	return w.hasNone(b) || isFirst && w.isTracked(b)
}

// isTracked reports whether connection tracking surely has a connection for the packets.
// Without one, an expression of its mark matches no packet.
func (w *walk) isTracked(b *branch) bool {
	switch w.space.flow.state(w.space.tracking, b.protocol, b.later) {
	case 0, stateInvalid, stateUntracked:
		return false
	}
	return !w.changed.tracking && !w.beforeTracking() && !w.besideTracking()
}

// doubt returns the conditions under which a rule sets a mark to the value, and changes the mark
// by that: packets have the field or the connection, and the connection does not have this mark.
func (w *walk) doubt(b *branch, v value) []string {
	if v.mayLack || v.ofConnection && !w.isTracked(b) || v.kind == ctMark && w.changed.ctMark {
		return []string{nameOf(v)}
	}
	return nil
}

// beforeTracking reports whether the current chain runs before connection tracking.
func (w *walk) beforeTracking() bool {
	at := w.hookPoint.stage
	return at.hook == ingress || (at.hook == prerouting || at.hook == output) && at.priority < priorityConntrack
}

// besideTracking reports whether the current chain has the priority of connection tracking. Of two
// with one priority, the one that was registered last runs first (nf_hook_entries_grow of
// net/netfilter/core.c).
func (w *walk) besideTracking() bool {
	at := w.hookPoint.stage
	return (at.hook == prerouting || at.hook == output) && at.priority == priorityConntrack
}

// ahead returns the branches of packets that connection tracking may not have seen yet.
func (w *walk) ahead(branches []branch) []branch {
	switch {
	case w.beforeTracking():
		return branches
	case w.besideTracking():
		uncertain := make([]branch, len(branches))
		for i, b := range branches {
			uncertain[i] = b.withConditions(ctOrder)
		}
		return uncertain
	}
	return nil
}

// flags returns the flags of TCP. Some bits are unknown: their value is constant only if
// the rule masks them.
func (f flow) flags(b *branch, v value) value {
	if b.protocol != config.TCP {
		return opaqueValue(v.name, v.size)
	}
	low, unknown := f.tcpFlags(b.later), byte(flagsECN)
	if b.later {
		unknown = flagsLater
	}
	bytes := v.apply([]byte{low})
	if !slices.Equal(bytes, v.apply([]byte{low | unknown})) {
		v.alternative = v.apply([]byte{low | unknown})
	}
	v.kind, v.bytes = constant, bytes
	return v
}

// A notrack ends the tracking of connections, unless it is after its begin.
type notrack struct{}

func (notrack) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for _, b := range w.ahead(branches) {
		w.changed.tracking = true
		if w.isTranslated(b) {
			w.report(at, b, Untracks)
		}
	}
	return branches, nil
}

// isTranslated reports whether connection tracking is still to translate packets of the branch.
func (w *walk) isTranslated(b branch) bool {
	flow := w.space.flow
	return flow.untranslated() && w.space.isTranslated(b.part) || flow == toVIP && w.space.hasSourceNAT(b.part)
}

// A zoneSet puts the connections of packets in a zone of connection tracking. lvsmark's
// translation of answers finds a connection only if both directions have one zone (nf_ct_zone
// of include/net/netfilter/nf_conntrack_zones.h). If the rule depends on the device of arrival,
// the directions may differ: clients and real servers are behind different devices. A zone for
// one direction only (ct original zone) does not matter.
type zoneSet struct{}

func (zoneSet) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for _, b := range w.ahead(branches) {
		if w.isTranslated(b) && slices.ContainsFunc(b.conditions, isArrival) {
			w.report(at, b, MovesZone)
		}
	}
	return branches, nil
}

// isArrival reports whether a condition is about the device on which packets arrive.
func isArrival(condition string) bool {
	return slices.Contains([]string{"iif", "iifname", "iifgroup", "meta iiftype", "meta iifkind", "meta sdif", "meta sdifname"}, condition)
}

// A ctMarkSet sets the mark of the connection.
type ctMarkSet struct {
	to    value // the new mark; not known if opaque
	exact *connMark
}

func (ctMarkSet) take(w *walk, _ place, branches []branch) ([]branch, []outcome) {
	w.changed.ctMark = w.changed.ctMark || len(branches) > 0
	return branches, nil
}

// An offload lets a flowtable forward the connection. Its later packets pass no hook in
// which IPVS could translate them. A connection that IPVS does not leave to connection
// tracking is never offloaded (nft_flow_offload_eval of net/netfilter/nft_flow_offload.c).
type offload struct{}

func (offload) take(w *walk, at place, branches []branch) ([]branch, []outcome) {
	for _, b := range branches {
		if w.space.flow == reply && w.space.tracking.IPVS {
			w.report(at, b.withConditions(flowtableDevices), Offloads)
		}
	}
	return branches, nil
}

// A natRange is what a nat statement translates to.
type natRange struct {
	low, high         value // no size: the address stays, but for toDevice
	lowPort, highPort value
	toDevice          bool // redirect, masquerade
	toNetwork         bool // each address to its counterpart: prefix, NETMAP
	random            bool // the port
	persistent        bool // one of several addresses for each client
}

// address returns the only address of the statement; no size: it has none, or several.
func (n *natRange) address() value {
	if n == nil || n.high.size != 0 && !slices.Equal(n.low.bytes, n.high.bytes) {
		return value{}
	}
	return n.low
}

// onlyAddress reports whether the statement leaves ports to the kernel.
func (n *natRange) onlyAddress() bool { return n.lowPort.size == 0 && !n.random && !n.toNetwork }

// portChange returns what the statement does to the port.
func (n *natRange) portChange() portChange {
	if n == nil {
		return portChange{random: true}
	}
	return portChange{random: n.random, low: n.lowPort, high: n.highPort}
}

// A portChange is what a nat statement does to the port. The zero value keeps it, unless another
// connection has it.
type portChange struct {
	random    bool
	low, high value // the ports to choose from
}

// keeps reports whether the ports of the part stay as they are: all are in the range of the
// statement (get_unique_tuple of net/netfilter/nf_nat_core.c).
func (c portChange) keeps(p part, resolve func(value) value) bool {
	if c.random || c.low.size == 0 {
		return !c.random
	}
	low, high := resolve(c.low), resolve(c.high)
	if high.size == 0 {
		high = low
	}
	if low.kind != constant || high.kind != constant || len(low.bytes) != 2 || len(high.bytes) != 2 {
		return false
	}
	first, last := interval{low.bytes, high.bytes}.ports()
	return first <= p.low && p.high <= last
}

// A translatedState is a match that also concerns translated connections: states SNAT and DNAT.
type translatedState struct{ match }

func (s translatedState) take(w *walk, at place, branches []branch) (next []branch, _ []outcome) {
	for _, b := range branches {
		hits, _ := s.match.take(w, at, []branch{b})
		isEither, isSure := s.test.inverse, len(hits) == 1 && slices.Equal(hits[0].conditions, b.conditions)
		if !w.isUntranslated(&b) && !(isEither && isSure) && (isEither || len(hits) > 0) {
			hits, _ = condition{ctStatus}.take(w, at, []branch{b})
		}
		next = append(next, hits...)
	}
	return next, nil
}
