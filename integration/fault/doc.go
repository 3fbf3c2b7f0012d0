// Package fault runs a program under ptrace(2) and spoils one of the calls that
// it makes at the boundary to what lvsmark changes: netlink sockets, sysctls and
// network namespaces. The call fails, is refused, waits, comes back cut, or is
// the program's last. Nothing in the program knows of it.
package fault
