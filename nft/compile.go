package nft

import (
	"cmp"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// tableComment identifies lvsmark's tables; see owned.
const (
	tableComment = commentMark + " compiled from a spec; change that, not this"
	commentMark  = "lvsmark:"
)

// Names of objects in the tables.
const (
	vipsMap          = "vips"
	preroutingChain  = "prerouting"
	postroutingChain = "postrouting"
)

// Compile compiles the spec to tables: one for each address family of its clusters. It does
// not access the kernel.
func Compile(spec *config.Spec) *Ruleset {
	r := &Ruleset{}
	for _, family := range config.Families() {
		profiles := profilesOf(spec, family)
		if len(profiles) == 0 {
			continue
		}
		t := &Table{Family: familyOf(family), Name: spec.Director.Table, Comment: tableComment}
		compileMarks(t, profiles)
		compileFurtherHooks(t, spec.Director, protocolOf(profiles))
		compileActiveData(t, spec)
		compileSourceNAT(t, spec)
		compileLedger(t, spec, len(r.Tables) == 0)
		r.Tables = append(r.Tables, t)
	}
	return r
}

// compileMarks adds the maps from VIP to mark and the chain that looks them up. Rules test
// the port before the VIP: most packets have a port of one profile or of none. Then one
// lookup follows, for any number of VIPs. Responses to clients, most of the other packets,
// have a destination address outside the network of the VIPs.
func compileMarks(t *Table, profiles []*profile) {
	for _, p := range profiles {
		t.Sets = append(t.Sets, markMap(t.Family, p))
	}
	prerouting := &Chain{
		Name: preroutingChain, Type: "filter", Hook: HookPrerouting, Priority: PriorityMangle,
		Policy: verdictAccept, Comment: "a fwmark for each packet of a cluster",
	}
	only := protocolOf(profiles)
	if only != 0 {
		prerouting.Rules = append(prerouting.Rules, newRule(t.Family).protocolIsNot(only).accept().rule())
	}
	if marksClientPorts(profiles) {
		prerouting.Rules = append(prerouting.Rules, answerRule(t.Family, only))
	}
	if isSequential(profiles) {
		prerouting.Rules = append(prerouting.Rules, markRules(t.Family, profiles, only, true)...)
		t.Chains = append(t.Chains, prerouting)
		return
	}
	vips := hashMap(vipsMap, "VIP : chain of its ports", t.Family, typeVerdict, 0)
	for _, s := range groupVIPs(profiles) {
		t.Chains = append(t.Chains, &Chain{Name: s.name, Rules: markRules(t.Family, s.profiles, only, false)})
		for _, vip := range s.vips {
			vips.Elements = append(vips.Elements, Element{Key: elementKey(vip.AsSlice()), Rest: gotoRest(s.name)})
		}
	}
	vips.Size = sizeFor(len(vips.Elements))
	sortElements(vips)
	t.Sets = append(t.Sets, vips)
	toVIPs := newRule(t.Family).within(networkOfAll(profiles))
	prerouting.Rules = append(prerouting.Rules, toVIPs.daddr().vmap(vipsMap).rule())
	t.Chains = append(t.Chains, prerouting)
}

// isSequential reports whether packets are tested against one profile after the other. With
// many profiles they are dispatched by VIP instead, and also if two profiles have a common
// port range, where packets would need two lookups.
func isSequential(profiles []*profile) bool {
	switch len(profiles) {
	case 1:
		return true
	case 2:
		return !profiles[0].sharesRange(profiles[1])
	}
	return false
}

func markMap(family Family, p *profile) *Set {
	s := hashMap(p.name, "VIP : fwmark", family, typeMark, 4)
	s.Elements = make([]Element, len(p.vips))
	for i, v := range p.vips {
		s.Elements[i] = Element{Key: elementKey(v.vip.AsSlice()), Rest: valueRest(markBytes(v.mark))}
	}
	s.Size = sizeFor(len(s.Elements))
	return s
}

// maxRulesBeforeRange is the maximum number of rules for narrower ports before the widest
// range. Each costs the packets of that range one comparison, or two if it also tests the
// protocol. An accept in a rule that comes first costs as much as about four comparisons.
const maxRulesBeforeRange = 4

// markRules returns the rules of the profiles. Most packets belong to data connections, so
// the widest range comes last, where no test follows, or first if many rules would precede
// it. In a chain for packets to any address, rules for a range test the network of the VIPs
// first.
func markRules(family Family, profiles []*profile, only config.Protocol, anyAddress bool) []*Rule {
	type test struct {
		ports config.PortRange
		of    *profile
	}
	var tests []test
	for _, p := range profiles {
		for _, r := range p.ports {
			tests = append(tests, test{r, p})
		}
	}
	first := only == 0 || len(tests) > maxRulesBeforeRange+1
	slices.SortStableFunc(tests, func(a, b test) int {
		if first {
			a, b = b, a
		}
		return cmp.Compare(a.ports.Width(), b.ports.Width())
	})
	tests = slices.Concat( // packets to other ports of the VIP come last
		slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return t.ports.IsAll() }),
		slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return !t.ports.IsAll() }))
	rules := make([]*Rule, len(tests))
	for i, t := range tests {
		b := newRule(family)
		if anyAddress && t.ports.Width() > 1 {
			b.within(t.of.network())
		}
		switch {
		case t.ports.IsAll():
		case only != 0:
			b.anyDport(t.ports)
		default:
			b.dport(t.ports)
		}
		b.daddr().lookup(t.of.name).setMark()
		if first && i < len(tests)-1 {
			b.accept()
		}
		rules[i] = b.rule()
	}
	return rules
}

func hashMap(name, comment string, family Family, dataType, dataLen uint32) *Set {
	return &Set{
		Name: name, Comment: comment, Flags: unix.NFT_SET_MAP,
		KeyType: addrType(family), KeyLen: addrLen(family),
		DataType: dataType, DataLen: dataLen, DataHost: hostOrder(dataType),
	}
}

// sizeFor returns the size of a map for n elements. The kernel derives the number of
// buckets from the size, refuses elements beyond it and cannot change it. So the size
// allows for twice as many elements, and for at least 1024.
func sizeFor(n int) uint32 {
	size := uint32(1024)
	for int(size) < 2*n {
		size *= 2
	}
	return size
}

// If a program of the director opens a connection from a VIP, its local port may be in a
// passive range. The answers have the destination of a client's data connection. IPVS must
// not get the first of them, the SYN+ACK, with a mark: it begins a connection of its own
// with a real server then (tcp_conn_schedule of net/netfilter/ipvs/ip_vs_proto_tcp.c). IPVS
// ignores the marks of later packets, as it has no connection for them and they have no SYN.
//
// So the first rule accepts a SYN+ACK for which the director has a socket. The SYN+ACK of
// active data with direct or tunnel, which needs its mark, has no socket on the director.

// Flags of TCP, in byte 13 of the header (RFC 9293, section 3.1).
const (
	tcpSYN = 0x02
	tcpPSH = 0x08
	tcpACK = 0x10
)

// firstClientPort is the first port that programs without CAP_NET_BIND_SERVICE may use. The
// kernel selects the local ports of clients in net.ipv4.ip_local_port_range (ip-sysctl.rst),
// by default 32768 to 60999.
const firstClientPort = 1024

// marksClientPorts reports whether a marked TCP port may be the local port of a connection
// of the director.
func marksClientPorts(profiles []*profile) bool {
	return slices.ContainsFunc(profiles, func(p *profile) bool {
		return slices.ContainsFunc(p.ports, func(r config.PortRange) bool {
			return r.Meets(config.PortRange{Protocol: config.TCP, Low: firstClientPort, High: 65535})
		})
	})
}

const answerComment = "answers to connections of the director"

// answerRule accepts the SYN+ACK that answers a connection of the director. Almost all other
// packets have the flag ACK, SYN, or PSH and ACK: comparisons exclude them first, as they
// cost less than a mask. Each mask has one bit, because nft 1.1 lists a mask with a gap as a field that it cannot load.
func answerRule(family Family, only config.Protocol) *Rule {
	b := newRule(family).tcpFlagsAreNone(tcpACK, tcpSYN, tcpPSH|tcpACK).tcpFlagsInclude(tcpSYN).tcpFlagsInclude(tcpACK)
	if only == 0 {
		b.protocolIs(config.TCP)
	}
	r := b.hasBoundSocket().accept().rule()
	r.Comment = answerComment
	return r
}

func (b *ruleBuilder) tcpFlags() *ruleBuilder {
	return b.add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1})
}

func (b *ruleBuilder) tcpFlagsAreNone(flags ...byte) *ruleBuilder {
	b.tcpFlags()
	for _, f := range flags {
		b.add(&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{f}})
	}
	return b
}

func (b *ruleBuilder) tcpFlagsInclude(flags byte) *ruleBuilder {
	return b.tcpFlags().add(
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 1, Mask: []byte{flags}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{flags}},
	)
}

// hasBoundSocket matches packets for which the director has a socket with a local address,
// such as that of a connection. A socket that listens on all addresses does not match
// (nft_socket_wildcard of net/netfilter/nft_socket.c, Linux 5.10).
func (b *ruleBuilder) hasBoundSocket() *ruleBuilder {
	return b.add(
		&expr.Socket{Key: expr.SocketKeyWildcard, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{0}},
	)
}
