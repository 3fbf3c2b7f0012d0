package host

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// procNet has the files of the calling thread's network namespace.
const procNet = "/proc/thread-self/net/"

// eachRow calls f for each line of a file of procNet after the first, split into words.
func eachRow(name string, f func([]string)) error {
	file, err := os.Open(procNet + name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for first := true; lines.Scan(); first = false {
		if !first {
			f(strings.Fields(lines.Text()))
		}
	}
	return lines.Err()
}

// readListeners reads the sockets of TCP and UDP.
func (h *Host) readListeners() ([]Listener, error) {
	var all []Listener
	for _, table := range []struct {
		name     string
		state    uint64
		protocol config.Protocol
	}{{"tcp", tcpListen, config.TCP}, {"tcp6", tcpListen, config.TCP}, {"udp", tcpClose, config.UDP}, {"udp6", tcpClose, config.UDP}} {
		err := eachRow(table.name, func(words []string) {
			const address, state, inode = 1, 3, 9
			if len(words) <= inode {
				return
			}
			if has, err := strconv.ParseUint(words[state], 16, 8); err != nil || has != table.state {
				return
			}
			if at, ok := parseSocket(words[address]); ok && !at.Addr().IsLoopback() {
				number, _ := strconv.ParseUint(words[inode], 10, 32)
				all = append(all, Listener{Protocol: table.protocol, Address: at, inode: uint32(number)})
			}
		})
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	h.addOnlyIPv6(all)
	return all, nil
}

// addOnlyIPv6 adds OnlyIPv6 to the sockets on any address of IPv6. If the kernel does not answer,
// it stays unknown.
func (h *Host) addOnlyIPv6(all []Listener) {
	for _, protocol := range []config.Protocol{config.TCP, config.UDP} {
		isAny := func(l Listener) bool { return l.Protocol == protocol && l.Address.Addr() == netip.IPv6Unspecified() }
		if !slices.ContainsFunc(all, isAny) {
			continue
		}
		only, err := h.onlyIPv6(protocol)
		for i := range all {
			if value, known := only[all[i].inode]; err == nil && known && isAny(all[i]) {
				all[i].OnlyIPv6 = new(value)
			}
		}
	}
}

// parseSocket parses an address and a port as get_tcp4_sock of net/ipv4/tcp_ipv4.c writes
// them: words of 32 bits in host byte order.
func parseSocket(text string) (netip.AddrPort, bool) {
	words, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(words)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	addr, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// readGateways reads the default routes of the main table (fib_route_seq_show of
// net/ipv4/fib_trie.c, rt6_info_route of net/ipv6/route.c).
func readGateways() ([]Gateway, error) {
	var all []Gateway
	err := eachRow("route", func(words []string) {
		if len(words) > 7 && words[1] == "00000000" && words[7] == "00000000" {
			gateway, _ := parseSocket(words[2] + ":0")
			all = append(all, Gateway{config.IPv4, words[0], specified(gateway.Addr())})
		}
	})
	if err != nil {
		return nil, err
	}
	err = eachRow("ipv6_route", func(words []string) {
		const rejects = 0x200 // RTF_REJECT
		if len(words) < 10 || strings.Trim(words[0]+words[1], "0") != "" {
			return
		}
		if flags, err := strconv.ParseUint(words[8], 16, 32); err != nil || flags&rejects != 0 {
			return
		}
		var gateway netip.Addr
		if b, err := hex.DecodeString(words[4]); err == nil {
			gateway, _ = netip.AddrFromSlice(b)
		}
		all = append(all, Gateway{config.IPv6, words[9], specified(gateway)})
	})
	if os.IsNotExist(err) {
		err = nil
	}
	return all, err
}

func specified(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// readProcesses returns the names of the processes in the network namespace of the thread, sorted,
// and the words of the command line of the first process with each name.
func readProcesses() (names []string, arguments map[string][]string) {
	const netns = "/ns/net"
	own, err := os.Readlink("/proc/thread-self" + netns)
	if err != nil {
		return nil, nil
	}
	arguments = map[string][]string{}
	directories, _ := filepath.Glob("/proc/[0-9]*")
	for _, directory := range directories {
		if other, err := os.Readlink(directory + netns); err != nil || other != own {
			continue
		}
		text, err := os.ReadFile(directory + "/comm")
		if err != nil {
			continue
		}
		name := strings.TrimSpace(string(text))
		names = append(names, name)
		if line, err := os.ReadFile(directory + "/cmdline"); err == nil && arguments[name] == nil {
			arguments[name] = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		}
	}
	slices.Sort(names)
	return slices.Compact(names), arguments
}

// readTable returns the size of the connection table of IPVS, from the first line of
// /proc/net/ip_vs: "IP Virtual Server version 1.2.1 (size=4096)".
func readTable(r io.Reader) (size int) {
	first, _, _ := bufio.NewReader(r).ReadLine()
	_, rest, _ := strings.Cut(string(first), "(size=")
	if _, err := fmt.Sscanf(rest, "%d)", &size); err != nil {
		return 0
	}
	return size
}
