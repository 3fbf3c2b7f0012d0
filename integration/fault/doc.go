// Package fault runs a program under ptrace(2) and injects a fault into one system
// call on a boundary file: a netlink socket, a sysctl or a network namespace. The call
// fails, is refused, is delayed, returns truncated data, or the program is killed at
// it. The program itself is unchanged.
package fault
