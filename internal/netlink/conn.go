package netlink

import (
	"errors"
	"os"
)

// Options of a Conn. The zero value is the default.
type Options struct {
	ExtendedAck   bool // ask the kernel to explain refusals: NETLINK_EXT_ACK
	DatagramLimit int  // longest datagram that is received, in bytes; 0: defaultDatagramLimit
}

// defaultDatagramLimit suits short dumps. The kernel allocates and clears, for each
// datagram of a dump, as many bytes as the largest buffer that it has seen on the
// socket. This size and the kernel's own data fill two pages. Without such a buffer it
// makes datagrams no longer, on any machine.
const defaultDatagramLimit = 8192 - 320

// A Conn is a connection to one netlink protocol, in one network namespace. It is not
// safe for concurrent use.
type Conn struct {
	transport
	dial     func() (transport, error)
	sequence uint32 // of the last request
	datagram []byte // the last that was received
	broken   bool   // see ready
}

// Dial opens a connection to a protocol (NETLINK_ROUTE, NETLINK_NETFILTER,
// NETLINK_GENERIC) in the network namespace of the calling thread. The error is one of
// the system calls socket, bind or getsockname.
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

// ready is called before each request. After an exchange that failed it opens another
// socket: unread answers may still come over the previous one, and would be taken for
// answers to the next request.
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

// Reserve makes room for a [Conn.Commit] of so many bytes. The error names
// net.core.wmem_max if the kernel grants less.
func (c *Conn) Reserve(bytes int) error {
	if err := c.ready(); err != nil {
		return err
	}
	return c.reserve(bytes)
}

// begin numbers the requests and sends them in one piece. It returns the number of the
// first.
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

// next returns the next datagram, which the one after it overwrites.
func (c *Conn) next() ([]byte, error) {
	n, err := c.receive(c.datagram)
	return c.datagram[:n], c.failed(err)
}

// failed records that an exchange failed, if there is an error.
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
