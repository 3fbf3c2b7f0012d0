package nft

import (
	"encoding/binary"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Extensions of iptables, as iptables-nft has them in its rules. The layouts are
// those of include/uapi/linux/netfilter/xt_*.h, in host byte order; one that is
// of another revision, or too short, counts as unknown.

// An extension is an xtables match or target.
type extension struct {
	name     string
	revision uint32
	info     []byte
}

func extensionOf(e rawExpression) extension {
	return extension{e.text(unix.NFTA_MATCH_NAME), e.uint32(unix.NFTA_MATCH_REV), e.attrs[unix.NFTA_MATCH_INFO]}
}

// is reports whether the extension is that one, and at least so long.
func (x extension) is(name string, revision uint32, size int) bool {
	return x.name == name && x.revision == revision && len(x.info) >= size
}

func (x extension) uint16(at int) uint16 { return binary.NativeEndian.Uint16(x.info[at:]) }

func (x extension) uint32(at int) uint32 { return binary.NativeEndian.Uint32(x.info[at:]) }

// xtMatch narrows a branch by a match.
func (w *walk) xtMatch(b branch, e rawExpression) []branch {
	x := extensionOf(e)
	switch {
	case x.name == "comment":
		return []branch{b}
	case x.is("mark", 1, 9):
		v := w.markNow("meta mark").changed(bitwise(hostUint32(x.uint32(4)), nil))
		want := hostUint32(x.uint32(0))
		return w.try(b, v, test{within: []interval{{want, want}}, inverse: x.info[8] != 0})
	case x.is("tcp", 0, 12):
		return w.xtPorts(b, x, x.info[8] != 0 || x.info[9] != 0, x.info[11])
	case x.is("udp", 0, 9):
		return w.xtPorts(b, x, false, x.info[8])
	case x.is("multiport", 1, 48):
		return w.xtMultiport(b, x)
	case x.is("addrtype", 1, 8):
		return w.xtAddrtype(b, x)
	case x.is("conntrack", 1, 152), x.is("conntrack", 2, 154), x.is("conntrack", 3, 154):
		const state, alias = 1, 1 << 13 // XT_CONNTRACK_STATE, XT_CONNTRACK_STATE_ALIAS
		states := uint16(x.info[150])
		if x.revision > 1 {
			states = x.uint16(150)
		}
		if x.uint16(146)&^alias == state {
			return w.xtState(b, states, x.uint16(148)&state != 0)
		}
	case x.is("state", 0, 4):
		return w.xtState(b, uint16(x.uint32(0)), false)
	}
	return []branch{b.under(x.name)}
}

// xtPorts is for struct xt_tcp and xt_udp, which begin alike.
func (w *walk) xtPorts(b branch, x extension, more bool, inverse byte) []branch {
	const inverseSource, inverseDestination = 1, 2
	if more {
		b = b.under("tcp flags or options")
	}
	if x.uint16(0) != 0 || x.uint16(2) != 0xffff || inverse&inverseSource != 0 {
		b = b.under("source port")
	}
	return w.try(b, value{kind: port, size: 2}, test{within: []interval{portInterval(x.uint16(4), x.uint16(6))}, inverse: inverse&inverseDestination != 0})
}

func portInterval(low, high uint16) interval {
	return interval{binary.BigEndian.AppendUint16(nil, low), binary.BigEndian.AppendUint16(nil, high)}
}

// xtMultiport is struct xt_multiport_v1: flags, count, 15 ports, which of them
// begin a range, inversion.
func (w *walk) xtMultiport(b branch, x extension) []branch {
	const source, destination = 0, 1
	t := test{inverse: x.info[47] != 0}
	for i := 0; i < min(int(x.info[1]), 15); i++ {
		low := x.uint16(2 + 2*i)
		high := low
		if x.info[32+i] != 0 && i < 14 {
			i++
			high = x.uint16(2 + 2*i)
		}
		t.within = append(t.within, portInterval(low, high))
	}
	switch x.info[0] {
	case source:
		return []branch{b.under("source port")}
	case destination:
		return w.try(b, value{kind: port, size: 2}, t)
	}
	return []branch{b.under("source port")}
}

// xtAddrtype is struct xt_addrtype_info_v1; types are bits by RTN_*.
func (w *walk) xtAddrtype(b branch, x extension) []branch {
	const inverseDestination = 2
	source, destination, flags := x.uint16(0), x.uint16(2), x.uint32(4)
	if source != 0 || flags&^inverseDestination != 0 {
		b = b.under("addrtype")
	}
	if destination != 0 && (destination&(1<<unix.RTN_LOCAL) != 0) == (flags&inverseDestination != 0) {
		return nil
	}
	return []branch{b}
}

// xtState: the packets are the first of their connections, see loadConntrack.
func (w *walk) xtState(b branch, states uint16, inverse bool) []branch {
	const stateNew = 1 << 3
	if (states&stateNew != 0) == inverse {
		b = b.under("ct state")
	}
	return []branch{b}
}

// xtTarget does what a target does.
func (w *walk) xtTarget(c *foreignChain, r *Rule, b branch, e rawExpression) ([]branch, []outcome) {
	x := extensionOf(e)
	effects := map[string]Effect{
		"DNAT": Redirects, "REDIRECT": Redirects, "NETMAP": Redirects, "REJECT": Rejects, "NFQUEUE": Queues,
		"QUEUE": Queues, "TPROXY": Proxies, "SYNPROXY": Proxies, "TARPIT": Drops,
	}
	harmless := []string{
		"LOG", "NFLOG", "ULOG", "TRACE", "NOTRACK", "CT", "TCPMSS", "TCPOPTSTRIP", "DSCP", "TOS", "ECN", "TTL", "HL",
		"CLASSIFY", "CHECKSUM", "TEE", "AUDIT", "SECMARK", "CONNSECMARK", "RATEEST", "LED", "IDLETIMER", "SET", "ACCOUNT",
	}
	if effect, ok := effects[x.name]; ok {
		return w.taken(c, r, b, effect)
	}
	switch {
	case x.name == "MARK" || x.name == "CONNMARK" || x.name == "HMARK":
		return []branch{w.xtMark(c, r, b, x)}, nil
	case x.name == "SNAT" || x.name == "MASQUERADE":
		return nil, []outcome{{b, expr.VerdictAccept, "", true}}
	case !slices.Contains(harmless, x.name):
		w.report(c, r, b.under("what ["+x.name+"] is"), Unknown)
	}
	return []branch{b}, nil
}

// xtMark sets the mark: struct xt_mark_tginfo2, and xt_connmark_tginfo1 and 2, of
// which the second has two bytes about shifts before the mode.
func (w *walk) xtMark(c *foreignChain, r *Rule, b branch, x extension) branch {
	const restore = 2 // XT_CONNMARK_RESTORE
	switch {
	case x.is("MARK", 2, 8):
		to, mask := x.uint32(0), x.uint32(4)
		return w.setMark(c, r, b, w.markNow("meta mark").masked(hostUint32(^mask), hostUint32(to)))
	case x.is("CONNMARK", 1, 13), x.is("CONNMARK", 2, 15):
		if mode := x.info[12+2*(x.revision-1)]; mode != restore {
			return b
		}
		// A new connection has no mark: the bits of the mask are cleared. Later
		// packets may get others.
		set := w.setMark(c, r, b, w.markNow("meta mark").changed(bitwise(hostUint32(^x.uint32(8)), nil)))
		if !set.markLost {
			w.setMark(c, r, b.under("ct mark"), opaqueValue("", 4))
		}
		return set
	}
	return w.setMark(c, r, b.under(x.name), opaqueValue("", 4))
}
