package nft

import (
	"errors"
	"iter"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// A Conn speaks nf_tables netlink in one network namespace. It is not safe for
// concurrent use.
type Conn struct {
	nl           *netlink.Conn
	sequence     uint32 // of the last request
	datagram     []byte // see receive
	broken       bool   // an exchange failed: see ready
	retryTimeout time.Duration
}

// Dial opens a connection in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	nl, err := dial()
	if err != nil {
		return nil, err
	}
	return &Conn{nl: nl, datagram: make([]byte, datagramLimit), retryTimeout: retryTimeout}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation returns the number that the kernel adds to with each change of the
// ruleset, by any process.
func (c *Conn) Generation() (generation uint32, err error) {
	found := false
	err = c.ask(unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC, nil, func(m exchange.Message) error {
		for typ, data := range attributes(payload(m)) {
			if typ == unix.NFTA_GEN_ID && len(data) == 4 {
				generation, found = uint32Of(data), true
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, refused("the ruleset's generation", err)
	case !found:
		return 0, errors.New("nf_tables: no generation in the kernel's answer")
	}
	return generation, nil
}

// errInterrupted says that the ruleset changed while it was read.
var errInterrupted = errors.New("the ruleset changes while it is read")

// errEnough ends a dump of which the caller has seen enough.
var errEnough = errors.New("enough")

// dump yields the payloads, behind struct nfgenmsg, and the family of each. A payload
// is good until the next one comes.
func (c *Conn) dump(typ uint16, family byte, filter []byte) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		err := c.ask(typ, netlink.Dump, family, filter, func(m exchange.Message) error {
			if len(m.Data) >= nfgenmsgLen && !yield(entry{m.Data[0], payload(m)}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(entry{}, err)
		}
	}
}

// An entry of a dump.
type entry struct {
	family byte
	data   []byte
}

const nfgenmsgLen = 4

func payload(m exchange.Message) []byte {
	if len(m.Data) < nfgenmsgLen {
		return nil
	}
	return m.Data[nfgenmsgLen:]
}
