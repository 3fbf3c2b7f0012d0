package firewall

import (
	"net/netip"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// Tracking is how the director tracks connections. The zero value is the kernel's default.
type Tracking struct {
	IPVS   bool // net.ipv4.vs.conntrack: IPVS leaves its connections to connection tracking
	Needed bool // a cluster has source-nat, which needs that
	Strict bool // net.netfilter.nf_conntrack_tcp_loose is 0

	// Masquerade has the addresses that masquerade gives to active data. Packets with other ones
	// are not followed.
	Masquerade []netip.Addr

	// MasqueradePossible has those that it gives to active data to networks in which clients may
	// be: findings about them depend on where clients are.
	MasqueradePossible []netip.Addr
}

// A flow is packets of one direction of the clusters' connections on a part of their way.
// One end of them is known: the address and the port of a VIP or a real server. The other
// end is a client, of which nothing is known.
type flow uint8

const (
	toVIP            flow = iota // from clients, until IPVS takes them
	toServer                     // the same packets, which IPVS sends to real servers
	reply                        // from real servers, until IPVS translates them
	replyFromVIP                 // the same packets after IPVS
	active                       // FTP data connections that real servers open, until they are translated
	activeFromVIP                // the same packets after the translation, if it is to the VIP
	activeFromHost               // if it is to an address of the director
	activeFromServer             // without translation, where others are translated
	activeToVIP                  // answers of clients to these, if they go to the VIP
	activeToHost                 // if they go to an address of the director
	activeToServer               // if they go to the real server
	activeAnswer                 // the answers after the translation to the real server
	flows
)

// text has one %s for the known ends.
func (f flow) text() string {
	return [...]string{
		toVIP: "packets to %s", toServer: "packets that IPVS sends to %s",
		reply: "replies of %s", replyFromVIP: "replies that IPVS sends from %s",
		active: "active data from %s", activeFromVIP: "active data translated to %s",
		activeFromHost: "active data translated to %s", activeFromServer: "active data from %s",
		activeToVIP: "answers of clients to active data from %s", activeToHost: "answers of clients to active data from %s",
		activeToServer: "answers of clients to active data from %s", activeAnswer: "answers of clients to active data from %s",
	}[f]
}

// noun names the known ends of a flow.
func (f flow) noun() string {
	switch f {
	case reply, active, activeFromServer, activeToServer, activeAnswer:
		return "real server"
	case toServer, activeFromHost, activeToHost: // with direct forwarding the VIP; of the director
		return "address"
	}
	return "VIP"
}

// leaves reports whether the known end is the source.
func (f flow) leaves() bool {
	switch f {
	case reply, replyFromVIP, active, activeFromVIP, activeFromHost, activeFromServer:
		return true
	}
	return false
}

// end is the known end in the syntax of nft.
func (f flow) end() string {
	if f.leaves() {
		return "saddr"
	}
	return "daddr"
}

// isActive reports whether the packets belong to active data.
func (f flow) isActive() bool { return f >= active }

// isOfHost reports whether the known end is an address of the director that is no VIP.
func (f flow) isOfHost() bool { return f == activeFromHost || f == activeToHost }

// untranslated reports whether connection tracking is still to translate the packets.
func (f flow) untranslated() bool { return f == active || f == activeToVIP || f == activeToHost }

// Types of addresses of linux/rtnetlink.h.
const (
	typeUnicast = 1 // RTN_UNICAST
	typeLocal   = 2 // RTN_LOCAL
)

// destinationType is RTN_LOCAL or RTN_UNICAST of linux/rtnetlink.h.
func (f flow) destinationType() uint32 {
	if f == toVIP || f == activeToVIP || f == activeToHost {
		return typeLocal
	}
	return typeUnicast
}

// Bits of the flags of TCP (RFC 9293, 3.1).
const (
	flagSYN, flagACK = 0x02, 0x10
	flagsECN         = 0xc0 // ECE and CWR, which packets with a SYN may have (RFC 3168)
	flagsLater       = 0xe8 // these, URG and PSH, which later packets may have
)

// tcpFlags returns the flags of the first packet, or of later packets.
func (f flow) tcpFlags(later bool) byte {
	switch {
	case later:
		return flagACK
	case f == reply || f == replyFromVIP || f.isActive() && !f.leaves():
		return flagSYN | flagACK
	}
	return flagSYN
}

// States of linux/netfilter/nf_conntrack_common.h, as `ct state` has them.
const (
	stateInvalid     = 1
	stateEstablished = expr.CtStateBitESTABLISHED
	stateNew         = expr.CtStateBitNEW
	stateUntracked   = expr.CtStateBitUNTRACKED
)

// state returns the state of connection tracking. 0: it depends.
//
// While net.ipv4.vs.conntrack is 0, IPVS ends the tracking of each packet that it takes, so
// no connection of it is ever confirmed: each packet is the first one to connection
// tracking. A SYN+ACK cannot be the first packet of a connection, so it is invalid. An ACK
// can (nf_conntrack_tcp_loose). See ip_vs_notrack of include/net/ip_vs.h and tcp_conntracks
// of net/netfilter/nf_conntrack_proto_tcp.c.
func (f flow) state(t Tracking, p config.Protocol, later bool) uint32 {
	switch {
	case f.isActive():
		if f.leaves() && !later {
			return stateNew
		}
		return stateEstablished
	case t.IPVS:
		return f.trackedState(later)
	case f == toServer || f == replyFromVIP:
		return stateUntracked
	case p == config.SCTP && f == reply: // INIT ACK and later chunks (sctp_new of nf_conntrack_proto_sctp.c)
		return stateInvalid
	case p == config.TCP && f == reply && !later, p == config.TCP && later && t.Strict:
		return stateInvalid
	}
	return stateNew
}

// trackedState is the state if IPVS leaves its connections to connection tracking. Without
// nat, that sees one direction only.
func (f flow) trackedState(later bool) uint32 {
	switch {
	case f == reply || f == replyFromVIP:
		return stateEstablished
	case later:
		return 0
	}
	return stateNew
}

// A stage is a place in the order of the hooks: chains of a higher stage run later.
type stage struct{ hook, priority int32 }

// The hooks in the order in which packets pass them.
const (
	ingress int32 = iota
	prerouting
	inputOrForward
	output
	postrouting
	egress
)

// Priorities of linux/netfilter_ipv4.h and net/netfilter/ipvs/ip_vs_core.c.
const (
	priorityConntrack   = -200                      // NF_IP_PRI_CONNTRACK
	priorityIPVS        = nft.PriorityNATSource - 1 // of ip_vs_remote_request in the input hook
	priorityIPVSForward = nft.PriorityNATSource     // of ip_vs_reply in the forward hook
)

// passes reports whether packets of the flow pass a base chain in which they have this
// form, and whether they can have another one too because the order is not known.
func (f flow) passes(c *chain, at stage) (passes, perhaps bool) {
	nat := c.Type == "nat"
	switch f {
	case toVIP:
		return at.hook <= prerouting || c.Hook == nft.HookInput && isInput(c) && !nat && at.priority <= priorityIPVS, false
	case reply:
		return at.hook <= prerouting || isForward(c) && at.priority <= priorityIPVSForward, at.priority == priorityIPVSForward && isForward(c)
	case active:
		return at.hook <= prerouting || isForward(c) || at.hook == postrouting && (nat || at.priority < nft.PriorityNATSource), false
	case activeToVIP, activeToHost, activeToServer:
		return !nat && (at.hook == ingress || at.hook == prerouting && at.priority < nft.PriorityNATDest), false
	}
	return (!nat || f == toServer && at.hook == postrouting) && f.passesLate(c, at), false
}

// passesLate is passes for flows after a translation.
func (f flow) passesLate(c *chain, at stage) bool {
	if at.hook == egress {
		return true
	}
	switch f {
	case toServer:
		return at.hook == output || at.hook == postrouting
	case replyFromVIP:
		return isForward(c) && at.priority > priorityIPVSForward || at.hook == postrouting
	case activeFromVIP, activeFromHost, activeFromServer:
		return at.hook == postrouting && at.priority > nft.PriorityNATSource
	case activeAnswer:
		return at.hook == prerouting && at.priority > nft.PriorityNATDest || isForward(c) || at.hook == postrouting
	}
	return false
}

func isInput(c *chain) bool { return c.table.Family != nft.Netdev && c.Hook == nft.HookInput }

func isForward(c *chain) bool { return c.table.Family != nft.Netdev && c.Hook == nft.HookForward }
