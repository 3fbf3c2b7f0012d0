package nft

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A Role is what a rule does, as far as the package can tell.
type Role uint8

// The roles of rules.
const (
	Marking     Role = iota + 1 // of lvsmark's making: what it does is in Marks
	Translating                 // of lvsmark's making: what it does is in Translations
	Watching                    // does nothing to any packet: counts, logs
	Steering                    // marks packets, or ends their way through the chain
	Obscure                     // may do anything
)

// role reads the rule's expressions.
func (t *Table) role(r *Rule) Role {
	if _, ok := t.markTest(r); ok {
		return Marking
	}
	if _, ok := t.vipSwitch(r); ok {
		return Marking
	}
	if _, ok := t.onlyProtocol(r); ok && slices.ContainsFunc(t.Chains, func(c *Chain) bool { return c.marks() && slices.Contains(c.Rules, r) }) {
		return Marking
	}
	if _, ok := t.translation(r); ok {
		return Translating
	}
	role := Watching
	for _, data := range attributes([]byte(r.Expressions)) {
		role = max(role, readExpression(data).role())
	}
	return role
}

func (e rawExpression) role() Role {
	switch e.name {
	case "cmp", "payload", "bitwise", "byteorder", "range", "ct", "meta", "lookup", "counter", "limit", "log", "quota":
	case "immediate":
		if code, _, ok := dataVerdict(e.attrs[unix.NFTA_IMMEDIATE_DATA]); ok && code != verdictAccept && code != verdictDrop && code != int32(expr.VerdictReturn) {
			return Obscure
		}
		return Steering
	default:
		return Obscure
	}
	switch {
	case e.name == "meta" && e.attrs[unix.NFTA_META_SREG] != nil:
		if expr.MetaKey(e.uint32(unix.NFTA_META_KEY)) == expr.MetaKeyMARK {
			return Steering
		}
		return Obscure
	case e.name == "ct" && e.attrs[unix.NFTA_CT_SREG] != nil,
		e.name == "payload" && e.attrs[unix.NFTA_PAYLOAD_SREG] != nil,
		e.name == "lookup" && e.uint32(unix.NFTA_LOOKUP_DREG) == unix.NFT_REG_VERDICT && e.attrs[unix.NFTA_LOOKUP_DREG] != nil:
		return Obscure
	}
	return Watching
}

// A markTest is a rule that gives packets to its ports the mark that a map has
// for their VIP.
type markTest struct {
	ports   []config.PortRange // the same of several protocols
	within  netip.Prefix       // that the VIP has to be of; invalid: no matter
	set     *Set
	accepts bool
}

// Rules of lvsmark's making, of former versions too, as nft writes them. Text has
// brackets for whatever it does not know, so a text without is all of the rule.
var (
	protocolRuleText  = regexp.MustCompile(`^(?:ip protocol|meta l4proto) != (tcp|udp) accept$`)
	markRuleText      = regexp.MustCompile(`^(?:ip6? daddr (\S+/\d+) )?(tcp|udp|th) dport (\d+)(?:-(\d+))? meta mark set ip6? daddr map @(\S+?)( accept)?$`)
	switchRuleText    = regexp.MustCompile(`^(?:ip6? daddr (\S+/\d+) )?ip6? daddr vmap @(\S+)$`)
	translateRuleText = regexp.MustCompile(`^(?:ip6? saddr @(\S+) tcp sport (\d+) masquerade|tcp sport (\d+) snat to ip6? saddr map @(\S+))$`)
)

// onlyProtocol returns the protocol of the packets that go on behind the rule.
func (t *Table) onlyProtocol(r *Rule) (config.Protocol, bool) {
	m := protocolRuleText.FindStringSubmatch(t.plainText(r))
	if m == nil {
		return 0, false
	}
	return protocolsOf(m[1])[0], true
}

// protocolsOf are those that nft's name stands for.
func protocolsOf(name string) []config.Protocol {
	switch name {
	case "tcp":
		return []config.Protocol{config.TCP}
	case "udp":
		return []config.Protocol{config.UDP}
	}
	return []config.Protocol{config.TCP, config.UDP}
}

func (t *Table) markTest(r *Rule) (markTest, bool) {
	m := markRuleText.FindStringSubmatch(t.plainText(r))
	if m == nil {
		return markTest{}, false
	}
	low, high, set := m[3], m[4], t.Set(m[5])
	if high == "" {
		high = low
	}
	test := markTest{within: networkIn(m[1]), set: set, accepts: m[6] != ""}
	for _, protocol := range protocolsOf(m[2]) {
		test.ports = append(test.ports, config.PortRange{Protocol: protocol, Low: portNumber(low), High: portNumber(high)})
	}
	return test, set != nil && set.hasVIPs() && set.DataType == typeMark
}

// A vipSwitch is a rule that sends VIPs to chains by a verdict map.
type vipSwitch struct {
	within netip.Prefix // as that of a markTest
	set    *Set
}

func (t *Table) vipSwitch(r *Rule) (vipSwitch, bool) {
	m := switchRuleText.FindStringSubmatch(t.plainText(r))
	if m == nil {
		return vipSwitch{}, false
	}
	set := t.Set(m[2])
	return vipSwitch{networkIn(m[1]), set}, set != nil && set.hasVIPs() && set.DataType == typeVerdict
}

// networkIn is what the rule's printer made of a prefix; invalid: it had none.
func networkIn(text string) netip.Prefix {
	network, _ := netip.ParsePrefix(text)
	return network
}

// A translation is a rule that gives active data from a port another source.
type translation struct {
	port uint16
	set  *Set // of sources
}

func (t *Table) translation(r *Rule) (translation, bool) {
	m := translateRuleText.FindStringSubmatch(t.plainText(r))
	if m == nil {
		return translation{}, false
	}
	set := t.Set(m[1] + m[4])
	return translation{portNumber(m[2] + m[3]), set}, set != nil && set.KeyType == addrType(t.Family)
}

// plainText is the rule without its comment.
func (t *Table) plainText(r *Rule) string {
	plain := *r
	plain.Comment = ""
	return plain.Text(t.Family)
}

// portNumber is what the rule's printer made of 16 bits.
func portNumber(text string) uint16 {
	n, _ := strconv.ParseUint(text, 10, 16)
	return uint16(n)
}
