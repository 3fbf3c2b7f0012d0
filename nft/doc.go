// Package nft marks packets: it compiles a spec to nftables tables, commits
// them in a scratch network namespace to have the kernel check them and bring
// them into its own form, compares that with what the kernel holds, and commits
// the difference without losing a packet.
//
// The way of data is Compile → Rehearse → Conn.Snapshot → Compare →
// Conn.Commit. Everything between Compile and Commit is a Ruleset: what nft
// would list, with the attributes that the package does not know kept as the
// kernel gave them.
//
// The netlink protocol is that of include/uapi/linux/netfilter/nf_tables.h; the
// text is that of nft(8).
package nft
