package dataplane

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
)

// A peer is a way to mark the packets of a site.
type peer string

const (
	lvsmark       peer = "lvsmark"
	lvsmarkFirst  peer = "lvsmark, first-packet"
	recipeLegacy  peer = "iptables-legacy"
	recipeNFT     peer = "iptables-nft"
	naiveNFT      peer = "nft, rules by hand"
	ipset         peer = "ipset"
	keepalivedMap peer = "keepalived's map"
	nftFloor      peer = "nft floor"
	nftLeast      peer = "nft, lvsmark's tests"
	nftMaps       peer = "nft, maps alone"
	tcFloor       peer = "tc BPF hash"
)

// ofIPv6 reports whether the peer is measured with IPv6 too.
func (p peer) ofIPv6() bool {
	return slices.Contains([]peer{lvsmark, lvsmarkFirst, recipeLegacy, ipset, nftFloor, nftLeast, nftMaps}, p)
}

// linear reports whether each packet passes rules for every VIP.
func (p peer) linear() bool { return p == recipeLegacy || p == recipeNFT || p == naiveNFT }

// prepare sets up the peer in the director's namespace.
func (p peer) prepare(d *director, program string) error {
	switch p {
	case lvsmark:
		_, err := d.Run(d.site.spec(), program, "-c", "-", "apply")
		return err
	case lvsmarkFirst, lvsmarkOnly, lvsmarkKeep, lvsmarkActive, lvsmarkSource:
		return d.marks(p)
	case recipeLegacy, recipeNFT:
		return d.recipe(string(p))
	case naiveNFT:
		spec, err := d.parsed()
		if err != nil {
			return err
		}
		return d.Load(equivalence.Naive(spec, "naive", mangle))
	case ipset:
		return d.ipset()
	case keepalivedMap:
		return d.Load(keepalivedText(d.site))
	case nftFloor, nftLeast:
		return d.Load(p.floorText(d.site))
	case nftMaps:
		return d.Load(mapsText(d.site))
	case tcFloor:
		return d.attachTC()
	case shardRules, shardMaps, shardNumbers, shardMarks, shardRanges, shardPorts, shardBlocks, shardTuples:
		return d.Load(p.shardsText(d.site))
	}
	return fmt.Errorf("unknown peer %q", p)
}

// mangle is the priority of the marks of iptables and lvsmark.
const mangle = -150

// recipe loads the recipe: two rules for each VIP.
func (d *director) recipe(program string) error {
	spec, err := d.parsed()
	if err != nil {
		return err
	}
	return d.restore(program, iptables.Text(spec))
}

// restore loads rules of iptables, with another lock file than the machine's.
func (d *director) restore(program, rules string) error {
	if d.site.family == config.IPv6 {
		program = strings.Replace(program, "ip", "ip6", 1)
	}
	_, err := d.Run(rules, "env", "XTABLES_LOCKFILE=/dev/null", program+"-restore")
	return err
}

func (d *director) parsed() (*config.Spec, error) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(d.site.spec()))
	return spec, err
}

// ipset sets marks from a set with skbinfo, in one rule: that is cheaper than a rule for
// each range of ports.
func (d *director) ipset() error {
	var set strings.Builder
	family := map[config.Family]string{config.IPv4: "inet", config.IPv6: "inet6"}[d.site.family]
	fmt.Fprintf(&set, "create marks hash:ip family %s skbinfo maxelem %d\n", family, max(d.site.vips, 1024))
	for i := range d.site.vips {
		fmt.Fprintf(&set, "add marks %s skbmark %#x\n", d.site.vip(i), d.site.mark(i))
	}
	if _, err := d.Run(set.String(), "ipset", "restore"); err != nil {
		return err
	}
	low, high := d.site.passive(0)
	return d.restore(string(recipeLegacy), fmt.Sprintf(`*mangle
-A PREROUTING -p tcp -m multiport --dports %d:%d,%d -j SET --map-set marks dst --map-mark
COMMIT
`, low, high, controlPort))
}

// keepalivedText returns the table that keepalived 2.3 creates for virtual server groups
// (check_nftables.c), with ranges of ports, but in prerouting like the others.
func keepalivedText(s site) string {
	elements := make([]string, 0, 2*s.vips)
	for i := range s.vips {
		low, high := s.passive(i)
		elements = append(elements,
			fmt.Sprintf("%s . %d : %d", s.vip(i), controlPort, s.mark(i)),
			fmt.Sprintf("%s . %d-%d : %d", s.vip(i), low, high, s.mark(i)))
	}
	return fmt.Sprintf(`table ip keepalived_ipvs {
	map tcp_map {
		type ipv4_addr . inet_service : mark
		flags interval
		elements = { %s }
	}
	chain in {
		type filter hook prerouting priority %d; policy accept;
		meta l4proto tcp meta mark set ip daddr . tcp dport map @tcp_map counter return
	}
}
`, strings.Join(elements, ", "), mangle)
}
