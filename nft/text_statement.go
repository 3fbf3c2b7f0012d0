package nft

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/nftname"
)

// limit prints a rate; nft(8), "LIMIT STATEMENT". nft omits a burst of 5 packets and one of 0
// bytes.
func (p *rulePrinter) limit(l *expr.Limit) {
	over := ""
	if l.Over {
		over = "over "
	}
	unit := map[expr.LimitTime]string{
		expr.LimitTimeSecond: "second", expr.LimitTimeMinute: "minute", expr.LimitTimeHour: "hour",
		expr.LimitTimeDay: "day", expr.LimitTimeWeek: "week",
	}[l.Unit]
	text, burst := fmt.Sprintf("limit rate %s%d/%s", over, l.Rate, unit), ""
	switch {
	case l.Type == expr.LimitTypePktBytes:
		text = fmt.Sprintf("limit rate %s%s/%s", over, byteCount(l.Rate), unit)
		if l.Burst > 0 {
			burst = " burst " + byteCount(uint64(l.Burst))
		}
	case l.Burst > 0 && l.Burst != 5:
		burst = fmt.Sprintf(" burst %d packets", l.Burst)
	}
	p.write("%s%s", text, burst)
}

// byteCount formats a number of bytes in the largest unit without a rest, as nft does.
func byteCount(n uint64) string {
	units := []string{"bytes", "kbytes", "mbytes"}
	i := 0
	for n > 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return fmt.Sprintf("%d %s", n, units[i])
}

func (p *rulePrinter) quota(q *expr.Quota) {
	over := ""
	if q.Over {
		over = "over "
	}
	used := ""
	if q.Consumed > 0 {
		used = " used " + byteCount(q.Consumed)
	}
	p.write("quota %s%s%s", over, byteCount(q.Bytes), used)
}

// reject prints NFT_REJECT_*; nft(8), "REJECT STATEMENT". The default of nft has no `with`.
func (p *rulePrinter) reject(e Expression, r *expr.Reject) {
	const portUnreachable4, portUnreachable6, portUnreachableInet = 3, 4, 1
	code := uint32(r.Code)
	switch {
	case r.Type == unix.NFT_REJECT_ICMPX_UNREACH && code == portUnreachableInet,
		r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.family == IPv4 && code == portUnreachable4,
		r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.family == IPv6 && code == portUnreachable6:
		p.write("reject")
	case r.Type == unix.NFT_REJECT_ICMPX_UNREACH:
		p.write("reject with icmpx %s", cmp.Or(map[uint32]string{0: "no-route", 2: "host-unreachable", 3: "admin-prohibited"}[code], fmt.Sprint(code)))
	case r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.network == "ip":
		p.needs("icmp")
		p.write("reject with icmp %s", nftname.ICMPCode.Text([]byte{r.Code}))
	case r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.network == "ip6":
		p.needs("icmpv6")
		p.write("reject with icmpv6 %s", nftname.ICMPv6Code.Text([]byte{r.Code}))
	default:
		p.unknown(e)
	}
}

// log prints a log statement; nft(8), "LOG STATEMENT".
func (p *rulePrinter) log(l *expr.Log) {
	has := func(attribute uint) bool { return l.Key&(1<<attribute) != 0 }
	words := []string{"log"}
	if has(unix.NFTA_LOG_PREFIX) {
		words = append(words, fmt.Sprintf("prefix %q", strings.TrimRight(string(l.Data), "\x00")))
	}
	if has(unix.NFTA_LOG_GROUP) {
		words = append(words, fmt.Sprintf("group %d", l.Group))
	}
	if has(unix.NFTA_LOG_SNAPLEN) && l.Snaplen > 0 {
		words = append(words, fmt.Sprintf("snaplen %d", l.Snaplen))
	}
	if has(unix.NFTA_LOG_QTHRESHOLD) && l.QThreshold > 0 {
		words = append(words, fmt.Sprintf("queue-threshold %d", l.QThreshold))
	}
	const warning = 4
	levels := []string{"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"}
	if level := int(l.Level); has(unix.NFTA_LOG_LEVEL) && !has(unix.NFTA_LOG_GROUP) && level != warning && level < len(levels) {
		words = append(words, "level "+levels[level])
	}
	if has(unix.NFTA_LOG_FLAGS) && l.Flags != 0 {
		words = append(words, logFlags(uint32(l.Flags))...)
	}
	p.write("%s", strings.Join(words, " "))
}

// logFlags returns the words for NF_LOG_* of linux/netfilter/nf_log.h.
func logFlags(flags uint32) (words []string) {
	const all = 47
	if flags == all {
		return []string{"flags all"}
	}
	for _, f := range []struct {
		bit  uint32
		text string
	}{{1, "flags tcp sequence"}, {2, "flags tcp options"}, {4, "flags ip options"}, {8, "flags skuid"}, {32, "flags ether"}} {
		if flags&f.bit != 0 {
			words = append(words, f.text)
		}
	}
	return strings.Split(strings.Replace(strings.Join(words, "|"), "sequence|flags tcp options", "sequence,options", 1), "|")
}

// connlimit prints nft(8), "CONNLIMIT".
func (p *rulePrinter) connlimit(c *expr.Connlimit) {
	over := ""
	if c.Flags&1 != 0 { // NFT_CONNLIMIT_F_INV
		over = "over "
	}
	p.write("ct count %s%d", over, c.Count)
}

// synproxy prints nft(8), "SYNPROXY STATEMENT".
func (p *rulePrinter) synproxy(s *expr.SynProxy) {
	text := "synproxy"
	if s.MssValueSet {
		text += fmt.Sprintf(" mss %d", s.Mss)
	}
	if s.WscaleValueSet {
		text += fmt.Sprintf(" wscale %d", s.Wscale)
	}
	if s.Timestamp {
		text += " timestamp"
	}
	if s.SackPerm {
		text += " sack-perm"
	}
	p.write("%s", text)
}

// queue prints nft(8), "QUEUE STATEMENT".
func (p *rulePrinter) queue(q *expr.Queue) {
	text := "queue"
	switch q.Flag {
	case expr.QueueFlagBypass:
		text += " flags bypass"
	case expr.QueueFlagFanout:
		text += " flags fanout"
	case expr.QueueFlagMask:
		text += " flags bypass,fanout"
	}
	text += fmt.Sprintf(" to %d", q.Num)
	if q.Total > 1 {
		text += fmt.Sprintf("-%d", q.Num+q.Total-1)
	}
	p.write("%s", text)
}

// Flags of NFTA_NAT_FLAGS: NF_NAT_RANGE_* of linux/netfilter/nf_nat.h.
const (
	natRandom      = 4
	natPersistent  = 8
	natFullyRandom = 16
	natPrefix      = 64
)

// nat prints snat and dnat; nft(8), "NAT STATEMENTS".
func (p *rulePrinter) nat(e Expression) {
	kind := "snat"
	if e.number(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_DNAT {
		kind = "dnat"
	}
	target := p.natTarget(e.number(unix.NFTA_NAT_REG_ADDR_MIN), e.number(unix.NFTA_NAT_REG_ADDR_MAX))
	first, last := e.number(unix.NFTA_NAT_REG_PROTO_MIN), e.number(unix.NFTA_NAT_REG_PROTO_MAX)
	family := Family(e.number(unix.NFTA_NAT_FAMILY))
	ports := p.portsText(first, last)
	of := p.content(e.number(unix.NFTA_NAT_REG_ADDR_MIN))
	ofMap := of != nil && of.data != nil && of.data.DataLen != addrLen(family) // to ranges, or with ports
	if prefix := e.number(unix.NFTA_NAT_FLAGS)&natPrefix != 0; prefix || ofMap || p.family != family && target != "" {
		kind += " " + family.String()
		if prefix {
			kind += " prefix"
		}
	}
	if strings.Contains(target, ":") && ports != "" {
		target = "[" + strings.ReplaceAll(target, "-", "]-[") + "]"
	}
	p.translation(kind, target+ports, e.number(unix.NFTA_NAT_FLAGS))
}

// masquerade prints nft(8), "NAT STATEMENTS".
func (p *rulePrinter) masquerade(e Expression) {
	ports := p.portsText(e.number(unix.NFTA_MASQ_REG_PROTO_MIN), e.number(unix.NFTA_MASQ_REG_PROTO_MAX))
	p.translation("masquerade", ports, e.number(unix.NFTA_MASQ_FLAGS))
}

// redirect prints nft(8), "NAT STATEMENTS".
func (p *rulePrinter) redirect(e Expression) {
	ports := p.portsText(e.number(unix.NFTA_REDIR_REG_PROTO_MIN), e.number(unix.NFTA_REDIR_REG_PROTO_MAX))
	p.translation("redirect", ports, e.number(unix.NFTA_REDIR_FLAGS))
}

// translation prints a translation with its flags.
func (p *rulePrinter) translation(kind, target string, flags uint32) {
	if target != "" {
		kind += " to " + target
	}
	var names []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{{natRandom, "random"}, {natFullyRandom, "fully-random"}, {natPersistent, "persistent"}} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	if len(names) > 0 {
		kind += " " + strings.Join(names, ",")
	}
	p.write("%s", kind)
}

// natTarget returns the text of addresses in registers; empty if there are none.
func (p *rulePrinter) natTarget(first, last uint32) string {
	low := p.content(first)
	if low == nil {
		return ""
	}
	text := low.set(addressKind(low.constant))
	if high := p.content(last); high != nil && last != first {
		text += "-" + high.set(addressKind(high.constant))
	}
	return text
}

// addressKind returns the type of a constant that should be an address.
func addressKind(value []byte) nftname.Kind {
	if len(value) == 2 {
		return nftname.Number
	}
	return nftname.Address
}

// portsText returns ":first-last" for ports in registers; empty if there are none.
func (p *rulePrinter) portsText(first, last uint32) string {
	low := p.content(first)
	if low == nil {
		return ""
	}
	text := ":" + low.set(nftname.Number)
	if high := p.content(last); high != nil && last != first {
		text += "-" + high.set(nftname.Number)
	}
	return text
}

// tproxy prints nft(8), "TPROXY STATEMENT".
func (p *rulePrinter) tproxy(e Expression) {
	const familyAttribute, addressAttribute, portAttribute = 1, 2, 3 // NFTA_TPROXY_*
	family := Family(e.number(familyAttribute))
	address := p.natTarget(e.number(addressAttribute), 0)
	port := p.portsText(e.number(portAttribute), 0)
	if strings.Contains(address, ":") && port != "" {
		address = "[" + address + "]"
	}
	kind := "tproxy"
	if p.family != family && family != unix.NFPROTO_UNSPEC {
		kind += " " + family.String()
	}
	p.write("%s to %s%s", kind, address, port)
}

// dup prints nft(8), "DUP STATEMENT".
func (p *rulePrinter) dup(e Expression) {
	const addressAttribute, deviceAttribute = 1, 2 // NFTA_DUP_SREG_*
	p.redirected(e, "dup", e.number(addressAttribute), e.number(deviceAttribute))
}

// fwd prints nft(8), "FWD STATEMENT".
func (p *rulePrinter) fwd(e Expression) {
	const deviceAttribute, addressAttribute, familyAttribute = 1, 2, 3 // NFTA_FWD_*
	kind := "fwd"
	if e.number(addressAttribute) != 0 {
		kind += " " + Family(e.number(familyAttribute)).String()
	}
	p.redirected(e, kind, e.number(addressAttribute), e.number(deviceAttribute))
}

// redirected prints a statement that sends packets to an address, a device, or both.
func (p *rulePrinter) redirected(e Expression, kind string, address, device uint32) {
	to, through := p.natTarget(address, 0), p.content(device)
	switch {
	case to == "" && through == nil:
		p.unknown(e)
	case to == "":
		p.write("%s to %s", kind, through.set(nftname.InterfaceIndex))
	case through == nil:
		p.write("%s to %s", kind, to)
	default:
		p.write("%s to %s device %s", kind, to, through.set(nftname.InterfaceIndex))
	}
}
