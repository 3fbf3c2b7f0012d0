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
func readListeners() ([]Listener, error) {
	const listening, unconnected = "0A", "07" // TCP_LISTEN; TCP_CLOSE, of UDP
	var all []Listener
	for _, table := range []struct {
		name, state string
		protocol    config.Protocol
	}{{"tcp", listening, config.TCP}, {"tcp6", listening, config.TCP}, {"udp", unconnected, config.UDP}, {"udp6", unconnected, config.UDP}} {
		err := eachRow(table.name, func(words []string) {
			if len(words) < 4 || words[3] != table.state {
				return
			}
			if at, ok := parseSocket(words[1]); ok && !at.Addr().IsLoopback() {
				all = append(all, Listener{table.protocol, at})
			}
		})
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	return all, nil
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

// readProcesses returns the names of the processes in the network namespace of the thread.
func readProcesses() []string {
	const netns = "/ns/net"
	own, err := os.Readlink("/proc/thread-self" + netns)
	if err != nil {
		return nil
	}
	directories, _ := filepath.Glob("/proc/[0-9]*")
	var names []string
	for _, directory := range directories {
		if other, err := os.Readlink(directory + netns); err != nil || other != own {
			continue
		}
		if name, err := os.ReadFile(directory + "/comm"); err == nil {
			names = append(names, strings.TrimSpace(string(name)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
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
