// Package dataplane measures the cost of a mark per packet: with lvsmark, with other
// programs that mark the same packets, and with minimal rules and programs. Each has its
// own network namespace, where a later chain drops every packet. The time of a packet in
// a namespace with only that chain is subtracted.
package dataplane
