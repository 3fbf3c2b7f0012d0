// Package concurrency tests lvsmark apply while other processes write: another
// lvsmark, nft, ipvsadm, a reload of nftables.service. An apply succeeds or refuses,
// and the result is never a mixture.
package concurrency
