// Package firewall evaluates rules symbolically: it computes what rules of nft, and of
// iptables-nft, do to a set of packets. It follows all packets of the set at once
// through the chains on their way to IPVS.
//
// It opens no socket. A Source supplies rules and elements, and only those that the
// packets can reach.
//
// A rule is a list of steps, which do not depend on registers and attributes. load*.go
// translates nft's expressions to steps; other loaders can translate other formats.
package firewall
