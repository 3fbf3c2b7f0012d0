package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxName is the maximum length of names, in bytes.
const maxName = 64

// name decodes the name of a cluster or of a real server.
func (d *decoder) name(n *yaml.Node, what string) (string, bool) {
	if d.describesWord(`^[A-Za-z0-9][A-Za-z0-9._-]*$`, maxName) {
		return "", false
	}
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
	if d.describesWord(tablePattern.String(), maxName) {
		return "", false
	}
	text, ok := d.word(n, what)
	switch {
	case !ok:
		return "", false
	case len(text) > maxName:
		d.fail(n, "%s is %d bytes long; give a name of at most %d", what, len(text), maxName)
	case !tablePattern.MatchString(text):
		d.fail(n, "%s %s is not an nftables identifier; use letters, digits and underscore, no digit first", what, quote(text))
	case tableOwner(text) != "":
		d.fail(n, "%s %s is a table of %s, which would change its rules; choose another name, such as %s", what, quote(text), tableOwner(text), DefaultTable)
	case slices.Contains(nftReserved(), text):
		d.fail(n, "%s %s is an nft keyword; choose another name, such as %s", what, quote(text), DefaultTable)
	default:
		return text, true
	}
	return "", false
}

// tableOwner returns the program that has a table of this name in the families ip and ip6;
// empty if none is known.
func tableOwner(name string) string {
	switch name {
	case "filter", "nat", "mangle", "raw", "security":
		return "iptables-nft"
	case "firewalld":
		return "firewalld"
	case "libvirt_network":
		return "libvirt"
	}
	return ""
}

// nftReserved returns the keywords that some version of nft from 0.9.8 to 1.1.7
// refuses as the name of a table. That nft can neither list nor load such a table.
func nftReserved() []string {
	return strings.Fields(`
	accept ackseq add ah all and arp avgpkt bridge burst cfi cgroup chain chains checksum
	comment comp constant continue counter counters cpi cpu create ct day dccp define delete
	describe destroy device devices dnat doff dport drop dscp dst dup dynamic ecn element
	elements eol eq esp ether exists expiration expires export exthdr fib flags flow flowlabel
	flowtable flowtables flush frag fwd gateway ge geneve get goto gre gretap gt handle hbh
	hdrlength hlen hook hoplimit hour htype ibriport ibrname icmp icmpv6 icmpx id igmp iif
	iifgroup iifname iiftype import in inc include index inet insert interval ip ip6 ipsec jhash
	json jump l3proto le level limit limits list ll log lshift lsrr lt map maps mark masquerade
	maxseg memory meta meter meters mh minute missing mod monitor mrt mss mtu ne netdev nexthdr
	nexthop nftrace nh not notrack numgen obriport obrname offload offset oif oifgroup oifname
	oiftype or original osf over pcp performance pkttype policy position priority ptype queue
	quota quotas ra random rate redefine redirect reject rename replace reqid reserved reserved2
	reset return right rr rshift rt rt0 rt2 rtclassid rule rules ruleset sack0 sack1 sack2 sack3
	sctp secmark secmarks second seed set sets size skgid skuid snaplen snat socket spi sport
	srh ssrr symhash synproxy synproxys table tcp th time timeout to tproxy transparent tsecr
	tsval tunnel type typeof udp udplite undefine until update urgptr value vlan vm vmap vni
	vtag vxlan week wildcard window with wscale xml xor xt zone
`)
}

// device decodes the name of a network device: valid by the kernel's
// dev_valid_name (at most 15 bytes, no slash, colon or space) and printable ASCII.
func (d *decoder) device(n *yaml.Node, what string) (string, bool) {
	if d.describesWord(`^[!-.0-9;-~]+$`, 15) { // printable, without / and :
		return "", false
	}
	text, ok := d.word(n, what)
	if !ok {
		return "", false
	}
	invalid := strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '/' || c == ':' })
	if invalid || text == "" || text == "." || text == ".." || len(text) > 15 {
		d.fail(n, "%s %s is not a device name; use at most 15 bytes without slash, colon or space, as `ip link` shows it", what, quote(text))
		return "", false
	}
	return text, true
}
