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

// A Connection is an active entry in the kernel's table of IPVS connections: an established
// TCP or SCTP connection, or recent UDP packets.
type Connection struct {
	Protocol   config.Protocol
	VIP        netip.AddrPort
	RealServer netip.AddrPort
}

// connTable is the table of the calling thread's network namespace. It has a line for each
// connection and for each persistence template, of services keyed by mark and of those
// keyed by address (ip_vs_conn_seq_show in net/netfilter/ipvs/ip_vs_conn.c).
const connTable = "/proc/thread-self/net/ip_vs_conn"

// EachConnection yields the active connections in no order. A connection that begins or
// ends during the read may be missing. It yields nothing if the kernel has no IPVS. An
// error is yielded last.
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

// parseConnection parses a line: protocol; address and port of client, VIP and real server;
// state. The heading, templates (protocol IP) and protocols that a spec cannot have are
// not active.
func parseConnection(line string) (c Connection, active bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return c, false, fmt.Errorf("%q is not an IPVS connection", line)
	}
	switch {
	case fields[0] == "TCP" && fields[7] == "ESTABLISHED":
		c.Protocol = config.TCP
	case fields[0] == "UDP" && fields[7] == "UDP":
		c.Protocol = config.UDP
	case fields[0] == "SCTP" && fields[7] == "ESTABLISHED":
		c.Protocol = config.SCTP
	default:
		return c, false, nil
	}
	if c.VIP, err = parseEndpoint(fields[3], fields[4]); err == nil {
		c.RealServer, err = parseEndpoint(fields[5], fields[6])
	}
	return c, true, err
}

// parseEndpoint parses an address, eight hexadecimal digits for IPv4 and eight groups for
// IPv6, and a port of four hexadecimal digits.
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
