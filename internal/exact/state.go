package exact

// States of connection tracking, numbered by the bits of oldconfig.State*.
const (
	stateNew = iota
	stateEstablished
	stateRelated
	stateInvalid
	stateUntracked
	stateCount
)

// A kind is a place of a packet in its connection.
type kind uint8

const (
	first  kind = iota // it can begin a connection of IPVS
	answer             // SYN and ACK: it can too, for active data with direct and tunnel
	later              // IPVS knows its connection: its mark does not matter
)

// Flags of TCP (RFC 9293, section 3.1).
const (
	FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
)

// kindOf returns the kind of a TCP segment with the flags. IPVS begins connections with a
// SYN without RST (tcp_conn_schedule of net/netfilter/ipvs/ip_vs_proto_tcp.c). No program
// sends SYN with FIN, and servers discard it (tcp_rcv_state_process of net/ipv4/tcp_input.c).
func kindOf(flags uint64) kind {
	switch {
	case flags&SYN == 0 || flags&(RST|FIN) != 0:
		return later
	case flags&ACK != 0:
		return answer
	}
	return first
}

// states returns the states that a packet may have before any rule. While
// net.ipv4.vs.conntrack is 0, IPVS ends the tracking of its packets, so later packets are
// new or invalid (docs/design.md, «What rules do to packets»).
func (k kind) states() []int {
	switch k {
	case first:
		return []int{stateNew}
	case answer:
		return []int{stateInvalid, stateEstablished}
	}
	return []int{stateNew, stateInvalid, stateEstablished}
}
