package config

// A Forwarding is an IPVS forwarding method: how the director sends packets to a
// real server.
type Forwarding uint8

// The forwarding methods of ipvsadm(8).
const (
	NAT    Forwarding = iota // --masquerading: addresses are rewritten, replies pass the director
	Direct                   // --gatewaying: the same link, replies go directly to the client
	Tunnel                   // --ipip: packets are encapsulated, replies go directly to the client
)

// String returns the value in the spec: nat, direct or tunnel.
func (f Forwarding) String() string { return [...]string{"nat", "direct", "tunnel"}[f] }

// MarkedPackets are the packets of a connection that get the mark of their cluster.
type MarkedPackets uint8

// The packets that get a mark. IPVS looks up the connection of a packet before its mark
// (ip_vs_in_hook of net/netfilter/ipvs/ip_vs_core.c), so the first packet is enough.
const (
	EveryPacket MarkedPackets = iota
	FirstPacket               // of TCP only packets with SYN, which includes SYN+ACK; of UDP every packet
)

// String returns the value in the spec: every-packet or first-packet.
func (m MarkedPackets) String() string { return [...]string{"every-packet", "first-packet"}[m] }

// A TunnelType is the encapsulation of tunnel forwarding.
type TunnelType uint8

// The types of ipvsadm(8), --tun-type.
const (
	IPIP TunnelType = iota
	GUE             // generic UDP encapsulation, without an extension header
	GRE
)

// String returns the value in the spec: ipip, gue or gre.
func (t TunnelType) String() string { return [...]string{"ipip", "gue", "gre"}[t] }

// A TunnelChecksum is the checksum in the header of a gue or gre tunnel.
type TunnelChecksum uint8

// The checksums of ipvsadm(8): --tun-nocsum, --tun-csum, --tun-remcsum.
const (
	NoChecksum TunnelChecksum = iota
	Checksum
	RemoteChecksum // gue only
)

// String returns the value in the spec: none, csum or remcsum.
func (c TunnelChecksum) String() string { return [...]string{"none", "csum", "remcsum"}[c] }

// An Encapsulation is how tunnel forwarding wraps packets. The zero value is IP in IP.
type Encapsulation struct {
	Type     TunnelType
	Port     uint16 // UDP port of gue; else 0
	Checksum TunnelChecksum
}

// A Translation is the source address that active data connections get.
type Translation uint8

// The translations of active data.
const (
	Masquerade Translation = iota // the address of the outgoing device
	SNAT                          // the VIP
	NoTranslation
)

// String returns the value in the spec: masquerade, snat or none.
func (t Translation) String() string { return [...]string{"masquerade", "snat", "none"}[t] }

// A SourceNAT is the source address of packets that IPVS sends to a real server with nat.
type SourceNAT uint8

// The values of source-nat.
const (
	NoSourceNAT         SourceNAT = iota // the address of the client
	SourceNATMasquerade                  // the address of the outgoing device
	SourceNATToVIP                       // the VIP that the client has connected to
)

// String returns the value in the spec: none, masquerade or snat.
func (n SourceNAT) String() string { return [...]string{"none", "masquerade", "snat"}[n] }
