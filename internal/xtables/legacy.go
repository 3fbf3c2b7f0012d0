// Package xtables finds rules of iptables-legacy, whose tables nf_tables does not show.
//
// It works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package xtables

import (
	"encoding/binary"
	"math/bits"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Variant is iptables-legacy or ip6tables-legacy.
type Variant struct {
	Program string   // "iptables-legacy"
	Tables  []string // tables that have rules
}

// A source is where the kernel lists the tables of a variant.
type source struct {
	program       string
	names         string // file with the names of the namespace's tables
	domain, level int
}

// WithRules returns the variants that have tables with rules. To read a table creates
// it, so an empty one tells nothing. A table that cannot be read counts as one with
// rules.
func WithRules() []Variant {
	var variants []Variant
	for _, s := range []source{
		{"iptables-legacy", "/proc/thread-self/net/ip_tables_names", unix.AF_INET, unix.SOL_IP},
		{"ip6tables-legacy", "/proc/thread-self/net/ip6_tables_names", unix.AF_INET6, unix.SOL_IPV6},
	} {
		if tables := s.withRules(); len(tables) > 0 {
			variants = append(variants, Variant{s.program, tables})
		}
	}
	return variants
}

func (s source) withRules() []string {
	names, err := os.ReadFile(s.names)
	if err != nil {
		return nil // the kernel has no iptables-legacy
	}
	var tables []string
	for table := range strings.FieldsSeq(string(names)) {
		if has, err := s.hasRules(table); has || err != nil {
			tables = append(tables, table)
		}
	}
	return tables
}

// hasRules asks the kernel for the number of entries of a table. An empty table has one
// entry for the policy of each hook, and one at its end. The answer is struct
// ipt_getinfo of linux/netfilter_ipv4/ip_tables.h, the same for IPv6: the name, the
// hooks in use, two arrays of 5 numbers, the number of entries, and their size.
func (s source) hasRules(table string) (bool, error) {
	const (
		getInfo            = 64 // IPT_SO_GET_INFO, IP6T_SO_GET_INFO
		nameLen            = 32
		hooksAt, entriesAt = nameLen, nameLen + 4 + 2*5*4
		infoLen            = entriesAt + 8
	)
	fd, err := unix.Socket(s.domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var info [infoLen]byte
	copy(info[:nameLen-1], table)
	size := uint32(infoLen)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(s.level), getInfo,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return false, errno
	}
	hooks := binary.NativeEndian.Uint32(info[hooksAt:])
	entries := binary.NativeEndian.Uint32(info[entriesAt:])
	return int(entries) > bits.OnesCount32(hooks)+1, nil
}
