package ipvs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A Connection is an active entry of the kernel's table of IPVS connections: an
// established TCP connection, or recent UDP packets.
type Connection struct {
	Protocol   config.Protocol
	VIP        netip.AddrPort
	RealServer netip.AddrPort
}

// connTable is that of the calling thread's network namespace. It has a line
// for each connection and for each persistence template, of services keyed by
// mark or by address alike (ip_vs_conn_seq_show in
// net/netfilter/ipvs/ip_vs_conn.c).
const connTable = "/proc/thread-self/net/ip_vs_conn"

// EachConnection yields the active connections, in no order, while the table changes: one
// that begins or ends meanwhile may be missing. It yields nothing where the kernel has no
// IPVS. An error is the last that is yielded.
func EachConnection() iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		file, err := os.Open(connTable)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Connection{}, fmt.Errorf("read the IPVS connections: %w", err))
			return
		}
		defer file.Close()
		eachConnection(file, yield)
	}
}

func eachConnection(table io.Reader, yield func(Connection, error) bool) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		c, active, err := parseConnection(lines.Text())
		if err != nil {
			err = fmt.Errorf("%s: %w", connTable, err)
		}
		if (active || err != nil) && (!yield(c, err) || err != nil) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		yield(Connection{}, fmt.Errorf("read the IPVS connections: %w", err))
	}
}

// parseConnection reads a line: protocol, client, VIP and real server, each an
// address and a port, and the state. Templates, which have protocol IP, the
// heading, and protocols that no spec names are not active.
func parseConnection(line string) (c Connection, active bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return c, false, fmt.Errorf("%q is no line about a connection", line)
	}
	switch {
	case fields[0] == "TCP" && fields[7] == "ESTABLISHED":
		c.Protocol = config.TCP
	case fields[0] == "UDP" && fields[7] == "UDP":
		c.Protocol = config.UDP
	default:
		return c, false, nil
	}
	if c.VIP, err = parseEndpoint(fields[3], fields[4]); err == nil {
		c.RealServer, err = parseEndpoint(fields[5], fields[6])
	}
	return c, true, err
}

// parseEndpoint reads an address, of IPv4 in eight hexadecimal digits, of IPv6
// in eight groups, and a port in four digits.
func parseEndpoint(address, port string) (netip.AddrPort, error) {
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if strings.Contains(address, ":") {
		addr, err := netip.ParseAddr(address)
		return netip.AddrPortFrom(addr, uint16(n)), err
	}
	bits, err := strconv.ParseUint(address, 16, 32)
	addr := netip.AddrFrom4([4]byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
	return netip.AddrPortFrom(addr, uint16(n)), err
}
