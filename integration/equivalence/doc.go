// Package equivalence proves in the kernel that lvsmark marks what it is meant
// to mark: packets run through the rules of lvsmark and through others that say
// the same, and a later hook records the mark that each came out with. It also
// proves that `nft -f` and lvsmark make the same tables.
package equivalence
