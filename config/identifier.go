package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxName is the length of names, in bytes.
const maxName = 64

// name decodes the name of a cluster or of a real server.
func (d *decoder) name(n *yaml.Node, what string) (string, bool) {
	text, ok := d.word(n, what)
	switch {
	case !ok:
		return "", false
	case text == "":
		d.fail(n, "%s is empty; give one", what)
	case len(text) > maxName:
		d.fail(n, "%s is %d bytes long; give one of at most %d", what, len(text), maxName)
	case !isName(text):
		d.fail(n, "%s %s is not plain; use letters, digits, dot, dash and underscore, a letter or digit first", what, quote(text))
	default:
		return text, true
	}
	return "", false
}

// isName reports whether text is [A-Za-z0-9][A-Za-z0-9._-]*.
func isName(text string) bool {
	for i := range len(text) {
		if b := text[i]; !isWordByte(b) && (i == 0 || b != '.' && b != '_' && b != '-') {
			return false
		}
	}
	return text != ""
}

var tablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// table decodes the name of an nftables table.
func (d *decoder) table(n *yaml.Node, what string) (string, bool) {
	text, ok := d.word(n, what)
	switch {
	case !ok:
		return "", false
	case len(text) > maxName:
		d.fail(n, "%s is %d bytes long; give a name of at most %d", what, len(text), maxName)
	case !tablePattern.MatchString(text):
		d.fail(n, "%s %s is no nftables identifier; use letters, digits and underscore, no digit first", what, quote(text))
	case slices.Contains(nftReserved(), text):
		d.fail(n, "%s %s is a word of nft's own language; choose another, such as %s", what, quote(text), DefaultTable)
	default:
		return text, true
	}
	return "", false
}

// nftReserved returns the words that nft 1.0.6 refuses as the name of a table,
// and those that newer releases reserve.
func nftReserved() []string {
	return strings.Fields(`
	accept add ah all and arp bridge cgroup chain comment comp constant continue counter cpu
	create ct day dccp define delete describe device devices dnat drop dst dup dynamic ecn
	element elements eq esp ether exists expires export exthdr fib flags flow flowtable flush
	frag fwd ge geneve get goto gre gretap gt handle hbh hook hour ibriport ibrname icmp icmpv6
	igmp iif iifgroup iifname iiftype import include index inet insert interval ip ip6 ipsec
	jhash jump le limit list log lshift lt map mark masquerade meta meter mh missing monitor ne
	netdev nftrace not notrack numgen obriport obrname offload oif oifgroup oifname oiftype or
	osf pkttype policy position priority queue quota random redefine redirect reject rename
	replace reset return rshift rt rt0 rt2 rtclassid rule ruleset sctp secmark set size skgid
	skuid snat socket srh symhash synproxy table tcp th time timeout tproxy tunnel type typeof
	udp udplite undefine update vlan vmap vni vxlan xor xt
`)
}

// device decodes the name of a network device as the kernel's dev_valid_name
// wants it, in printable ASCII: at most 15 bytes, no slash, colon or space.
func (d *decoder) device(n *yaml.Node, what string) (string, bool) {
	text, ok := d.word(n, what)
	if !ok {
		return "", false
	}
	odd := strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' || c == ':' })
	if odd || text == "" || text == "." || text == ".." || len(text) > 15 {
		d.fail(n, "%s %s is no name of a device; use at most 15 bytes without slash, colon or space, as `ip link` shows it", what, quote(text))
		return "", false
	}
	return text, true
}
