package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
)

// A Connection has the addresses in the first packet of a TCP connection on one host.
type Connection struct {
	From, To netip.AddrPort
}

// observer is a ruleset that records the first packet of every TCP connection of a
// host, before the host's own nat, and sets no marks.
const observer = `
table inet observer {
	set in4  { typeof ip  saddr . tcp sport . ip  daddr . tcp dport; size 65535; flags dynamic; }
	set out4 { typeof ip  saddr . tcp sport . ip  daddr . tcp dport; size 65535; flags dynamic; }
	set in6  { typeof ip6 saddr . tcp sport . ip6 daddr . tcp dport; size 65535; flags dynamic; }
	set out6 { typeof ip6 saddr . tcp sport . ip6 daddr . tcp dport; size 65535; flags dynamic; }
	chain input {
		type filter hook input priority filter;
		tcp flags & (syn | ack) == syn jump { 
			meta nfproto ipv4 add @in4 { ip  saddr . tcp sport . ip  daddr . tcp dport }
			meta nfproto ipv6 add @in6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }
		}
	}
	chain output {
		type filter hook output priority filter;
		tcp flags & (syn | ack) == syn jump {
			meta nfproto ipv4 add @out4 { ip  saddr . tcp sport . ip  daddr . tcp dport }
			meta nfproto ipv6 add @out6 { ip6 saddr . tcp sport . ip6 daddr . tcp dport }
		}
	}
}
`

// observe loads observer on the client and the real servers.
func (l *Lab) observe() error {
	if err := l.Client.nft(observer); err != nil {
		return err
	}
	for _, server := range l.Servers {
		if err := server.nft(observer); err != nil {
			return err
		}
	}
	return nil
}

// Connections returns the incoming and the outgoing TCP connections of the host since
// the lab was built.
func (h *Host) Connections() (in, out []Connection, err error) {
	text, err := h.Run("nft", "-j", "list", "table", "inet", "observer")
	if err != nil {
		return nil, nil, err
	}
	var listing struct {
		Nftables []struct {
			Set *struct {
				Name string       `json:"name"`
				Elem []connection `json:"elem"`
			} `json:"set"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(text), &listing); err != nil {
		return nil, nil, fmt.Errorf("%s: nft -j list: %w", h.Name, err)
	}
	for _, object := range listing.Nftables {
		if object.Set == nil {
			continue
		}
		for _, c := range object.Set.Elem {
			if name := object.Set.Name; name == "in4" || name == "in6" {
				in = append(in, Connection(c))
			} else {
				out = append(out, Connection(c))
			}
		}
	}
	return in, out, nil
}

// A connection is decoded from a set element of libnftables-json(5).
type connection Connection

func (c *connection) UnmarshalJSON(b []byte) error {
	var element struct {
		Concat []json.RawMessage `json:"concat"`
	}
	if err := json.Unmarshal(b, &element); err != nil {
		return err
	}
	if len(element.Concat) != 4 {
		return fmt.Errorf("%s: not four values", b)
	}
	var addrs [2]netip.Addr
	var ports [2]uint16
	for i := range 2 {
		if err := json.Unmarshal(element.Concat[2*i], &addrs[i]); err != nil {
			return err
		}
		if err := json.Unmarshal(element.Concat[2*i+1], &ports[i]); err != nil {
			return err
		}
	}
	c.From, c.To = netip.AddrPortFrom(addrs[0], ports[0]), netip.AddrPortFrom(addrs[1], ports[1])
	return nil
}
