package nft

import (
	"fmt"
	"strings"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
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
		p.rejectWith(e, "icmpx", map[uint32]string{0: "no-route", 2: "host-unreachable", 3: "admin-prohibited"}[code])
	case r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.family == IPv4:
		p.rejectWith(e, "icmp", map[uint32]string{
			0: "net-unreachable", 1: "host-unreachable", 2: "prot-unreachable", 9: "net-prohibited", 10: "host-prohibited", 13: "admin-prohibited",
		}[code])
	case r.Type == unix.NFT_REJECT_ICMP_UNREACH && p.family == IPv6:
		p.rejectWith(e, "icmpv6", map[uint32]string{
			0: "no-route", 1: "admin-prohibited", 3: "addr-unreachable", 5: "policy-fail", 6: "reject-route",
		}[code])
	default:
		p.unknown(e)
	}
}

func (p *rulePrinter) rejectWith(e Expression, protocol, code string) {
	if code == "" {
		p.unknown(e)
		return
	}
	p.write("reject with %s %s", protocol, code)
}

// log prints a log statement without flags or options that the library does not decode.
func (p *rulePrinter) log(e Expression, l *expr.Log) {
	has := func(attribute uint) bool { return l.Key&(1<<attribute) != 0 }
	if has(unix.NFTA_LOG_FLAGS) && l.Flags != 0 {
		p.unknown(e)
		return
	}
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
	p.write("%s", strings.Join(words, " "))
}

// objref prints the use of a stateful object; nft(8), "STATEFUL OBJECTS".
func (p *rulePrinter) objref(e Expression, o *expr.Objref) {
	name := o.Name
	switch kind := ObjectKind(uint32(o.Type)); kind {
	case "counter", "quota", "limit", "synproxy":
		p.write("%s name %q", kind, name)
	case "ct helper", "ct timeout", "ct expectation":
		p.write("%s set %q", kind, name)
	default:
		p.unknown(e)
	}
}
