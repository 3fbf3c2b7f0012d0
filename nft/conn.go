package nft

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Conn is a connection to nf_tables in one network namespace. It is not safe for
// concurrent use. Errors of its methods wrap those that package internal/netlink
// documents; a refusal is a *RefusedError, or ErrStale.
type Conn struct {
	nl           *netlink.Conn
	retryTimeout time.Duration
}

// datagramLimit is the longest datagram that is received. The kernel makes those of a
// dump as long as the longest buffer that it has seen, up to 32 KiB, and walks a set from
// its begin for each.
const datagramLimit = 64 << 10

// Dial opens a connection in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_NETFILTER, netlink.Options{ExtendedAck: true, DatagramLimit: datagramLimit})
	if err != nil {
		return nil, fmt.Errorf("nf_tables netlink: %w", err)
	}
	return &Conn{nl: nl, retryTimeout: retryTimeout}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation returns the number that the kernel adds to with each change of the
// ruleset, by any process.
func (c *Conn) Generation() (uint32, error) {
	for e, err := range c.ask(request(unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC, nil)) {
		if err != nil {
			return 0, refused("the ruleset's generation", err)
		}
		for typ, data := range netlink.Attributes(e.data) {
			if typ == unix.NFTA_GEN_ID && len(data) == 4 {
				return uint32Of(data), nil
			}
		}
	}
	return 0, errors.New("nf_tables: no generation in the kernel's answer")
}

// errInterrupted says that the ruleset changed while it was read.
var errInterrupted = errors.New("the ruleset changes while it is read")

// dump yields the objects of a list. An object is valid until the next one is yielded.
func (c *Conn) dump(typ uint16, family byte, filter []byte) iter.Seq2[entry, error] {
	return c.ask(request(typ, unix.NLM_F_DUMP, family, filter))
}

// An entry is an object of an answer.
type entry struct {
	family byte
	data   []byte // attributes
}

// ask yields the objects of the answer to one request; see netlink.Conn.Ask.
func (c *Conn) ask(r netlink.Request) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for m, err := range c.nl.Ask(r) {
			var data []byte
			if err == nil {
				data, err = m.Attributes(nfgenmsgLen)
			}
			if errors.Is(err, netlink.ErrInterrupted) {
				err = errInterrupted
			}
			if err != nil {
				yield(entry{}, err)
				return
			}
			if !yield(entry{m.Data[0], data}, nil) {
				return
			}
		}
	}
}

const nfgenmsgLen = 4

// request is a message to nf_tables.
func request(typ, flags uint16, family byte, attributes []byte) netlink.Request {
	return netlink.Request{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | typ, Flags: flags, Header: nfgenmsg(family, 0), Data: attributes}
}
