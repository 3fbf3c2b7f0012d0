// Package dataplane measures what a mark costs a packet: lvsmark, what else marks
// the same packets, and the least that any rule or program costs. Each marks in a
// network namespace of its own, where a chain behind it drops every packet; what
// a packet takes in a namespace with nothing but that chain is taken off.
package dataplane
