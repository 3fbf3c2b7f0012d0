// Package specgen generates random valid specs for tests. They cover all keys, and
// prefer difficult cases: adjacent VIPs, shared VIPs, ports at the ends of ranges, marks
// of 32 bits.
package specgen
