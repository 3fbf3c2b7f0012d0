package lvsmark

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// Warnings says which rules of others keep packets of the spec from their mark or
// from IPVS. That it cannot be found out is no reason not to apply: it is a
// warning too.
func (k *netnsKernel) Warnings(spec *config.Spec) []string {
	found, err := findings(spec)
	warnings := firewall.Warnings(found)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the tables of others could not be checked for what keeps packets from lvsmark: %v", err))
	}
	return append(warnings, legacyWarnings()...)
}

// findingTries bounds how often the tables of others are read anew because they change
// meanwhile: large ones take their time, and a warning can wait.
const findingTries = 10

// findings has a connection of its own: one that failed in the middle of an
// answer is good for nothing else.
func findings(spec *config.Spec) (found []*firewall.Finding, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = conn.AtOneGeneration(findingTries, func(uint32) error {
		tables, err := conn.Foreign()
		if err == nil {
			found, err = firewall.Findings(spec, tables, conn)
		}
		return err
	})
	return found, err
}

// A legacyFamily is one of the two of iptables-legacy, whose tables nf_tables does
// not show.
type legacyFamily struct {
	program       string
	names         string // file that lists the tables of the namespace
	domain, level int
}

// legacyWarnings names the tables of iptables-legacy that have rules: lvsmark
// does not read those. Empty tables are left behind by a mere look at them.
func legacyWarnings() []string {
	var warnings []string
	for _, f := range []legacyFamily{
		{"iptables-legacy", "/proc/thread-self/net/ip_tables_names", unix.AF_INET, unix.SOL_IP},
		{"ip6tables-legacy", "/proc/thread-self/net/ip6_tables_names", unix.AF_INET6, unix.SOL_IPV6},
	} {
		if tables := f.withRules(); len(tables) > 0 {
			warnings = append(warnings, fmt.Sprintf("%s has rules (table %s), which lvsmark does not read: `%s-save` shows whether they set marks or take packets to the VIPs",
				f.program, strings.Join(tables, ", "), f.program))
		}
	}
	return warnings
}

func (f legacyFamily) withRules() []string {
	names, err := os.ReadFile(f.names)
	if err != nil {
		return nil // the kernel has no iptables-legacy
	}
	var tables []string
	for table := range strings.FieldsSeq(string(names)) {
		if has, err := f.hasRules(table); has || err != nil {
			tables = append(tables, table)
		}
	}
	return tables
}

// hasRules asks the kernel how many entries a table has: an empty one has an
// entry for the policy of each hook, and one that ends it. It is struct
// ipt_getinfo of linux/netfilter_ipv4/ip_tables.h, and the same for IPv6: the
// name, the hooks in use, two arrays of 5, the number of entries, and their size.
func (f legacyFamily) hasRules(table string) (bool, error) {
	const (
		getInfo            = 64 // IPT_SO_GET_INFO, IP6T_SO_GET_INFO
		nameLen            = 32
		hooksAt, entriesAt = nameLen, nameLen + 4 + 2*5*4
		infoLen            = entriesAt + 8
	)
	fd, err := unix.Socket(f.domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var info [infoLen]byte
	copy(info[:nameLen-1], table)
	size := uint32(infoLen)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(f.level), getInfo,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return false, errno
	}
	hooks := binary.NativeEndian.Uint32(info[hooksAt:])
	entries := binary.NativeEndian.Uint32(info[entriesAt:])
	return int(entries) > bits.OnesCount32(hooks)+1, nil
}
