// Package equivalence tests in the kernel that lvsmark sets the correct marks: packets
// pass the rules of lvsmark and equivalent other rules, and a chain of later priority
// records the mark of each packet. It also tests that `nft -f` and lvsmark create the
// same tables.
package equivalence
