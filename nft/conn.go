package nft

import (
	"encoding/binary"
	"errors"
	"iter"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Conn speaks nf_tables netlink in one network namespace. It is not safe for
// concurrent use.
type Conn struct {
	nl      *netlink.Conn
	spoiled bool // an exchange failed: see ready
}

// dumpBuffer makes the kernel fill large datagrams: it walks a set anew for
// each.
const dumpBuffer = 64 << 10

// Dial opens a connection in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	nl, err := dial()
	if err != nil {
		return nil, err
	}
	return &Conn{nl: nl}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Generation returns the number that the kernel adds to with each change of the
// ruleset, by whomever.
func (c *Conn) Generation() (uint32, error) {
	request := netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   nfgenmsg(unix.NFPROTO_UNSPEC, 0),
	}
	replies, err := c.ask(request)
	if err != nil {
		return 0, refused("the ruleset's generation", err)
	}
	for _, reply := range replies {
		generation, ok := uint32(0), false
		for typ, data := range attributes(payload(reply)) {
			if typ == unix.NFTA_GEN_ID && len(data) == 4 {
				generation, ok = binary.BigEndian.Uint32(data), true
			}
		}
		if ok {
			return generation, nil
		}
	}
	return 0, errors.New("nf_tables: no generation in the kernel's answer")
}

// errInterrupted says that the ruleset changed while it was read.
var errInterrupted = errors.New("the ruleset changes while it is read")

// dump yields the payloads, behind struct nfgenmsg, and the family of each.
func (c *Conn) dump(typ uint16, family byte, filter []byte) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		replies, err := c.ask(netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | typ), Flags: netlink.Request | netlink.Dump},
			Data:   append(nfgenmsg(family, 0), filter...),
		})
		if err != nil {
			yield(entry{}, err)
			return
		}
		for _, reply := range replies {
			if reply.Header.Flags&netlink.DumpInterrupted != 0 {
				yield(entry{}, errInterrupted)
				return
			}
			if len(reply.Data) >= nfgenmsgLen && !yield(entry{reply.Data[0], payload(reply)}, nil) {
				return
			}
		}
	}
}

// An entry of a dump.
type entry struct {
	family byte
	data   []byte
}

const nfgenmsgLen = 4

func payload(m netlink.Message) []byte {
	if len(m.Data) < nfgenmsgLen {
		return nil
	}
	return m.Data[nfgenmsgLen:]
}
