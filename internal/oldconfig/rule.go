package oldconfig

import "slices"

// A Hook is the point of the network stack where a base chain runs; see nft(8).
type Hook uint8

const (
	Ingress Hook = iota + 1
	Prerouting
	Input
	Forward
	Output
	Postrouting
)

// A Chain is a chain of rules of one address family. Chains of one table have unique names.
type Chain struct {
	Family Family
	Table  string // for example "mangle", or "inet filter" of nft
	Name   string
	Base   *Base // nil: packets come from rules of the table's other chains only
	Rules  []*Rule
	Line
}

// A Base is the hook of a base chain.
type Base struct {
	Hook     Hook
	Priority int  // as in linux/netfilter_ipv4.h: raw -300, mangle -150, nat -100, filter 0
	NAT      bool // the chain has type nat: only the first packet of a connection meets it
	Drops    bool // policy drop
	Devices  []string
}

// A Rule applies its actions, in order, to packets that fulfil all its matches, and then
// the rule Then.
type Rule struct {
	Matches []Match
	Actions []Action
	Then    *Rule // further matches and actions of the rule, as in nft; nil: none
	Line
}

// A Field is a property of a packet that rules test.
type Field uint8

// Fields are numbers, except for devices. Addresses have 4 or 16 bytes, by the family.
const (
	NotUnderstood           Field = iota // nobody knows which packets fulfil the match
	Protocol                             // of the transport, as in IPPROTO_*
	Source                               // address
	Destination                          // address
	SourcePort                           // of TCP, UDP, SCTP: the rule tests Protocol as well
	DestinationPort                      // likewise
	InDevice                             // Names
	OutDevice                            // Names
	SourceMAC                            // 6 bytes
	TCPFlags                             // byte 13 of the header, after Mask
	State                                // of connection tracking, State* bits: any of them
	Mark                                 // after Mask
	ConnMark                             // after Mask
	SourceType                           // AddrType* bits
	DestinationType                      // AddrType* bits
	LaterFragment                        // 1: a fragment without the header of the transport
	HasSocket                            // 1: the director has a socket for the packet, with its address
	SentByIPVS                           // 1: IPVS sends the packet to a real server
	VirtualAddress                       // of the VIP of the IPVS connection; only packets that IPVS sends have one
	VirtualPort                          // likewise; the rule tests the protocol as well
	OriginalSource                       // address of the client of the connection; without tracking, no value is in In
	OriginalDestination                  // address to which the client has connected; likewise
	OriginalDestinationPort              // likewise; the rule tests the protocol as well
)

// Bits of Field State.
const (
	StateNew = 1 << iota
	StateEstablished
	StateRelated
	StateInvalid
	StateUntracked
)

// Bits of SourceType and DestinationType, for the RTN_* of the same name.
const (
	AddrTypeLocal = 1 << iota
	AddrTypeBroadcast
	AddrTypeMulticast
	AddrTypeOther
)

// A Match is a test of one field. It holds if the field has a value in any range of In, or
// a name of Names; or in none of them, if Not.
type Match struct {
	Field Field
	In    []Range
	Names []string // of devices; "eth+" is any name that begins with eth
	Mask  uint32   // of Mark, ConnMark and TCPFlags: In is compared with the value & Mask; see Masked
	Not   bool
	Reads Reads  // of NotUnderstood
	Text  string // as written, for messages
}

// Masked returns the match with the mask. A mask of 0 makes every value 0, so the match then holds
// for all values or for none; a Mask of 0 would be no mask.
func (m Match) Masked(mask uint32) Match {
	m.Mask = mask
	if mask == 0 {
		isZero := slices.ContainsFunc(m.In, func(r Range) bool { return r.Low == Number{} })
		m.In, m.Mask = nil, 1<<32-1
		if isZero {
			m.In = []Range{{High: Number{Low: 1<<32 - 1}}}
		}
	}
	return m
}

// A Range is the numbers from Low to High, both included.
type Range struct{ Low, High Number }

// A Number has up to 128 bits. An address is a number in network byte order.
type Number struct{ High, Low uint64 }

// Compare returns -1, 0 or 1.
func (n Number) Compare(other Number) int {
	switch {
	case n == other:
		return 0
	case n.High < other.High, n.High == other.High && n.Low < other.Low:
		return -1
	}
	return 1
}

// An ActionKind is what an action does.
type ActionKind uint8

const (
	Opaque      ActionKind = iota // nobody knows what it does to the packet
	NoEffect                      // counters, logs, traces, comments
	SetMark                       // mark = mark & And ^ Xor
	SetConnMark                   // connection mark = connection mark & And ^ Xor
	SaveMark                      // connection mark = connection mark & And ^ (mark & Mask)
	RestoreMark                   // mark = mark & And ^ (connection mark & Mask)
	Accept                        // ends the base chain
	Drop                          // ends the packet: DROP, REJECT, QUEUE
	Return
	Jump
	Goto
	Untrack              // no connection tracking: NOTRACK
	TranslateDestination // DNAT, REDIRECT, NETMAP
	TranslateSource      // SNAT, MASQUERADE, NETMAP
)

// An Action is one act of a rule.
type Action struct {
	Kind          ActionKind
	And, Xor      uint32  // of marks, host byte order
	Mask          uint32  // of SaveMark and RestoreMark
	Chain         string  // of Jump and Goto; of the same table and family
	To            []Range // of a translation; empty: the address stays, but for ToDevice
	ToPorts       []Range // empty: ports stay, but for RandomPorts
	ToDevice      bool    // to the address of the device: MASQUERADE, REDIRECT
	ToNetwork     bool    // each address to its counterpart in To: NETMAP
	RandomPorts   bool    // to a port that the kernel draws at random
	Persistent    bool    // each client gets one address of To for all destinations
	AssignsHelper bool    // of a helper of connection tracking
	Helper        string  // the helper that is assigned: ftp, tftp, …; empty: not known
	ToOriginal    bool    // an Opaque translation of the source to the address that the client has connected to
	SetMarkByAddr []MarkOf
	ChangesOthers bool   // a NoEffect that changes a property that is not in the model, such as DSCP
	Text          string // as written, for messages
}

// A MarkOf is an element of a map from destination address to mark, for SetMark: a packet
// to Destination gets Mark; a packet to no element leaves the rule. Nil: And and Xor count.
type MarkOf struct {
	Destination Range
	Mark        uint32
}
