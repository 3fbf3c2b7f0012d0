// Package specgen makes random specs for tests: valid ones, with all that a
// spec may hold, and inclined to what is hard (neighbouring VIPs, shared VIPs,
// ports at the borders of ranges, marks of 32 bits).
package specgen
