// Package concurrency has lvsmark apply while others write: another lvsmark,
// nft, ipvsadm, a reload of nftables.service. One wins, the other goes on or
// refuses, and nothing is ever a mixture.
package concurrency
