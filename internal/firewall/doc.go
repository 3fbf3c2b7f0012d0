// Package firewall answers what rules do to packets: rules of nft, and the rules of
// iptables that are in nftables. It follows all packets of a question at once through
// the chains that they meet on their way to IPVS.
//
// It opens no socket: rules and elements come from a Source, which is asked for what
// the packets of the question can meet, and for nothing else.
//
// A rule is a list of steps, which know nothing of registers and attributes. load*.go
// makes steps of nft's expressions; another reader may make them of other text.
package firewall
