package netlink

import (
	"errors"
	"os"
)

// Options of a Conn. The zero value is the default.
type Options struct {
	ExtendedAck   bool // request error messages from the kernel: NETLINK_EXT_ACK
	StrictCheck   bool // let the kernel select the objects of a dump by the header of the request: NETLINK_GET_STRICT_CHK, Linux 4.20
	DatagramLimit int  // size of the receive buffer in bytes; 0: defaultDatagramLimit
}

// defaultDatagramLimit suits short dumps. For each datagram of a dump, the kernel allocates
// and clears as many bytes as the largest receive buffer used on the socket so far. This
// size and the kernel's own data fill two pages. The kernel sends no longer datagrams to
// smaller buffers, on any machine.
const defaultDatagramLimit = 8192 - 320

// A Conn is a connection to one netlink protocol in one network namespace. It is not safe
// for concurrent use.
type Conn struct {
	transport
	dial     func() (transport, error)
	sequence uint32 // of the last request
	datagram []byte // the last one received
	broken   bool   // see ready
}

// Dial opens a connection to a protocol (NETLINK_ROUTE, NETLINK_NETFILTER,
// NETLINK_GENERIC) in the network namespace of the calling thread. Errors come from the
// system calls socket, bind and getsockname.
func Dial(protocol int, options Options) (*Conn, error) {
	c := newConn(options, func() (transport, error) { return dialSocket(protocol, options) })
	if err := c.redial(); err != nil {
		return nil, err
	}
	return c, nil
}

func newConn(options Options, dial func() (transport, error)) *Conn {
	limit := options.DatagramLimit
	if limit == 0 {
		limit = defaultDatagramLimit
	}
	return &Conn{dial: dial, datagram: make([]byte, limit)}
}

func (c *Conn) redial() (err error) {
	c.transport, err = c.dial()
	return err
}

// ready is called before each request. After a failed exchange it opens a new socket:
// unread answers may still arrive on the previous one and would be read as answers to the
// next request.
func (c *Conn) ready() error {
	if !c.broken {
		return nil
	}
	previous := c.transport
	if err := c.redial(); err != nil {
		c.transport = previous
		return err
	}
	c.broken = false
	_ = previous.Close()
	return nil
}

// Reserve enlarges the send buffer for a [Conn.Commit] of that many bytes. If the kernel
// grants less, the error names net.core.wmem_max.
func (c *Conn) Reserve(bytes int) error {
	if err := c.ready(); err != nil {
		return err
	}
	return c.reserve(bytes)
}

// DeviceName returns the name of a network device in the network namespace of the connection;
// empty if there is none with that index.
func (c *Conn) DeviceName(index uint32) string { return c.deviceName(index) }

// begin numbers the requests and sends them in one datagram. first is the sequence number
// of the first request.
func (c *Conn) begin(requests ...Request) (first uint32, err error) {
	if err := c.ready(); err != nil {
		return 0, err
	}
	first = c.sequence + 1
	c.sequence += uint32(len(requests))
	b := make([]byte, 0, Size(requests...))
	for i, r := range requests {
		b = r.append(b, first+uint32(i))
	}
	return first, c.failed(c.send(b))
}

// next returns the next datagram, which is valid until the next call.
func (c *Conn) next() ([]byte, error) {
	n, err := c.receive(c.datagram)
	return c.datagram[:n], c.failed(err)
}

// failed marks the connection as broken if err is not nil, and returns the error.
func (c *Conn) failed(err error) error {
	if err == nil {
		return nil
	}
	c.broken = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return timeoutError{}
	}
	return err
}
