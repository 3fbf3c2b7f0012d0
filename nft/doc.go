// Package nft compiles a spec to nftables tables that mark packets, and commits them
// without losing a packet. It commits them first in a scratch network namespace, where the
// kernel validates them and converts them to its own form. Then it compares that form with
// the tables in the kernel and commits the difference.
//
// Data flows through Compile → Rehearse → Conn.Snapshot → Compare → Conn.Commit. Each
// step between Compile and Commit handles a Ruleset: the objects that nft lists, with
// attributes unknown to the package kept as the kernel sent them.
//
// The netlink protocol is that of include/uapi/linux/netfilter/nf_tables.h; the text is
// the syntax of nft(8).
package nft
