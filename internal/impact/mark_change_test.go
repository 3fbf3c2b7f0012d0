package impact

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// fourProfiles has enough sets of ports that the rules send each VIP to a chain for its
// ports.
const fourProfiles = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}]}
  - {name: web, mark: 80, vips: [198.51.100.21, 198.51.100.80], ports: [80, 443, udp/443], real-servers: [{address: 10.0.0.11}]}
  - {name: mail, mark: 25, vips: [198.51.100.25], ports: [25], real-servers: [{address: 10.0.0.11}]}
  - {name: dns, mark: 53, vips: [198.51.100.25], ports: [53, udp/53], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`

// twoClusters has a VIP in both clusters, and translates active data.
const twoClusters = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22], ftp: , real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}
  - {name: web, mark: 80, vips: [198.51.100.21], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {ip-forward: false}
`

// TestMarkChanges compares specs: each mark that packets lose or exchange is reported with
// the change that causes it, and nothing else is reported.
func TestMarkChanges(t *testing.T) {
	twoProfiles := change(t, fourProfiles, "  - {name: mail", "#", "  - {name: dns", "#")
	const ftpMap = "map ip lvsmark tcp_21_10000-20000"
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"the first apply", "", fourProfiles, nil},
		{"above the threshold of chains, with more clusters", twoProfiles, fourProfiles, nil},
		{"below the threshold", fourProfiles, twoProfiles, []string{
			"delete element in map ip lvsmark tcp_25: 198.51.100.25 25 25->0",
			"delete element in map ip lvsmark tcp_53_udp_53: 198.51.100.25 53 53->0",
			"delete element in map ip lvsmark tcp_53_udp_53: 198.51.100.25 udp/53 53->0",
		}},
		{"the table renamed", fourProfiles, fourProfiles[:len(fourProfiles)-2] + ", table: marks}\n", nil},
		{"a port added to ftp", fourProfiles, change(t, fourProfiles, "ftp: ,", "ftp: {control-ports: [21, 990]},"), nil},
		{"a wider range", fourProfiles, change(t, fourProfiles, "ftp: ,", "ftp: {passive-ports: 9000-30000},"), nil},
		{"a smaller range", fourProfiles, change(t, fourProfiles, "ftp: ,", "ftp: {passive-ports: 10000-15000},"), []string{
			"delete element in " + ftpMap + ": 198.51.100.21 15001-20000 21->0",
			"delete element in " + ftpMap + ": 198.51.100.22 15001-20000 21->0",
		}},
		{"a port added to web", fourProfiles, change(t, fourProfiles, "ports: [80, 443, udp/443]", "ports: [80, 81, 443, udp/443]"), nil},
		{"a VIP moved to another cluster's map", fourProfiles, change(t, fourProfiles, "198.51.100.22]", "198.51.100.23]", "vips: [198.51.100.25], ports: [25]", "vips: [198.51.100.25, 198.51.100.22], ports: [20-30]"), []string{
			"delete element in " + ftpMap + ": 198.51.100.22 21 21->25",
			"delete element in " + ftpMap + ": 198.51.100.22 10000-20000 21->0",
		}},
		{"another mark", fourProfiles, change(t, fourProfiles, "mark: 80", "mark: 81"), []string{
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 80 80->81",
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 443 80->81",
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 udp/443 80->81",
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 80 80->81",
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 443 80->81",
			"edit element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 udp/443 80->81",
		}},
		{"a VIP removed", fourProfiles, change(t, fourProfiles, ", 198.51.100.80]", "]"), []string{
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 80 80->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 443 80->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 udp/443 80->0",
		}},
		{"everything removed", twoProfiles, "", []string{
			"delete element in " + ftpMap + ": 198.51.100.21 21 21->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 80 80->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 443 80->0",
			"delete element in " + ftpMap + ": 198.51.100.21 10000-20000 21->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.21 udp/443 80->0",
			"delete element in " + ftpMap + ": 198.51.100.22 21 21->0",
			"delete element in " + ftpMap + ": 198.51.100.22 10000-20000 21->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 80 80->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 443 80->0",
			"delete element in map ip lvsmark tcp_80_443_udp_443: 198.51.100.80 udp/443 80->0",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ElementsMatch(t, c.want, markChangesOf(compare(rehearse(t, c.from), rehearse(t, c.to))))
		})
	}
}

// TestMarkChangesOfNetworks: as TestMarkChanges, with networks, which have a map of their own.
func TestMarkChangesOfNetworks(t *testing.T) {
	const spec = `
clusters:
  - {name: web, mark: 80, vips: [10.64.0.0/16, 10.66.0.0/16, 198.51.100.80, 198.51.100.82], ports: [80], real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`
	const in, inNetworks = "element in map ip lvsmark tcp_80: ", "element in map ip lvsmark tcp_80_networks: "
	for _, c := range []struct {
		name, to string
		want     []string
	}{
		{"the same", spec, nil},
		{"a single VIP removed", change(t, spec, ", 198.51.100.80", ""), []string{"delete " + in + "198.51.100.80 80 80->0"}},
		{"the networks removed", change(t, spec, "10.64.0.0/16, 10.66.0.0/16, ", ""), []string{
			"delete " + inNetworks + "10.64.0.0/16 80 80->0", "delete " + inNetworks + "10.66.0.0/16 80 80->0",
		}},
		{"another mark", change(t, spec, "mark: 80", "mark: 81"), []string{
			"delete " + inNetworks + "10.64.0.0/16 80 80->81", "delete " + inNetworks + "10.66.0.0/16 80 80->81",
			"edit " + in + "198.51.100.80 80 80->81", "edit " + in + "198.51.100.82 80 80->81",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ElementsMatch(t, c.want, markChangesOf(compare(rehearse(t, spec), rehearse(t, c.to))))
		})
	}
}

func markChangesOf(c *consequences) []string {
	var list []string
	for i, change := range c.changes {
		for _, m := range c.of(i).markChanges {
			list = append(list, fmt.Sprintf("%s %s in %s: %s %s %d->%d", change.Op, change.Kind(), change.Where(), m.vips, m.PortRange, m.Mark, m.to))
		}
	}
	return list
}

// TestMarksByHand changes the tables with nft. Marks that an apply would remove are
// reported; marks that it would restore are not.
func TestMarksByHand(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
		ruleKind     ruleKind // of the deleted rule
	}{
		{name: "element deleted", script: "delete element ip lvsmark tcp_80 { 198.51.100.21 }"},
		{name: "chain flushed", script: "flush chain ip lvsmark prerouting"},
		{name: "table made dormant", script: "add table ip lvsmark { flags dormant; }"},
		{name: "element added", script: "add element ip lvsmark tcp_80 { 192.0.2.9 : 80 }", want: []string{
			"delete element in map ip lvsmark tcp_80: 192.0.2.9 80 80->0",
		}},
		{name: "mark changed", script: "delete element ip lvsmark tcp_80 { 198.51.100.21 }; add element ip lvsmark tcp_80 { 198.51.100.21 : 81 }", want: []string{
			"edit element in map ip lvsmark tcp_80: 198.51.100.21 80 81->80",
		}},
		{name: "rule of lvsmark's kind added", script: "add rule ip lvsmark prerouting tcp dport 8080-8090 meta mark set ip daddr map @tcp_80", want: []string{
			"delete rule in chain ip lvsmark prerouting: 198.51.100.21 8080-8090 80->0",
		}, ruleKind: ruleMarks},
		{name: "the same with a comment", script: `insert rule ip lvsmark prerouting udp dport 80 meta mark set ip daddr map @tcp_80 comment "mine"`, want: []string{
			"delete rule in chain ip lvsmark prerouting: 198.51.100.21 udp/80 80->0",
		}, ruleKind: ruleMarks},
		{name: "the same after the rule for TCP only", script: "add rule ip lvsmark prerouting udp dport 80 meta mark set ip daddr map @tcp_80", ruleKind: ruleMarks},
		{name: "no longer TCP only", script: "flush chain ip lvsmark prerouting; add rule ip lvsmark prerouting th dport 80 meta mark set ip daddr map @tcp_80", want: []string{
			"add rule in chain ip lvsmark prerouting: 198.51.100.21 udp/80 80->0",
			"add rule in chain ip lvsmark prerouting: 198.51.100.21 sctp/80 80->0",
		}},
		{name: "UDP only", script: "insert rule ip lvsmark prerouting ip protocol != udp accept", ruleKind: ruleMarks},
		{name: "the same in a chain without marks", script: "add rule ip lvsmark postrouting ip protocol != udp accept", ruleKind: ruleVerdict},
		{name: "rules of a previous version", script: "flush chain ip lvsmark prerouting; " + addRules(
			"tcp dport 10000-20000 meta mark set ip daddr map @tcp_21_10000-20000 accept",
			"tcp dport 21 meta mark set ip daddr map @tcp_21_10000-20000 accept",
			"tcp dport 80 meta mark set ip daddr map @tcp_80"), ruleKind: ruleMarks},
		{name: "rule of another network", script: "add rule ip lvsmark prerouting ip daddr 192.0.0.0/16 th dport 8080 meta mark set ip daddr map @tcp_80", ruleKind: ruleMarks},
		{name: "rule before that hides a port", script: "insert rule ip lvsmark prerouting tcp dport 80 meta mark set ip daddr map @tcp_21_10000-20000 accept", want: []string{
			"delete rule in chain ip lvsmark prerouting: 198.51.100.21 80 21->80",
			"delete rule in chain ip lvsmark prerouting: 198.51.100.22 80 21->0",
		}, ruleKind: ruleMarks},
		{name: "rule that counts", script: "insert rule ip lvsmark prerouting ip saddr 192.0.2.7 tcp dport 21 counter log", ruleKind: rulePassThrough},
		{name: "rule that returns", script: "insert rule ip lvsmark prerouting ip saddr 192.0.2.7 counter return", ruleKind: ruleVerdict},
		{name: "rule that marks", script: "insert rule ip lvsmark prerouting ip saddr 192.0.2.7 meta mark set 7", ruleKind: ruleVerdict},
		{name: "rule that marks every packet", script: "add rule ip lvsmark prerouting meta mark set 7", ruleKind: ruleVerdict},
		{name: "rule with another condition", script: "add rule ip lvsmark prerouting ip saddr 192.0.2.7 tcp dport 22 meta mark set ip daddr map @tcp_80", ruleKind: ruleVerdict},
		{name: "rule that untracks", script: "insert rule ip lvsmark prerouting notrack", ruleKind: ruleOpaque},
		{name: "rule that writes", script: "insert rule ip lvsmark prerouting ip dscp set 1", ruleKind: ruleOpaque},
		{name: "rule that writes another mark", script: "insert rule ip lvsmark prerouting ct mark set 1", ruleKind: ruleOpaque},
		{name: "rule that jumps", script: "add chain ip lvsmark mine; insert rule ip lvsmark prerouting jump mine", ruleKind: ruleOpaque},
		{name: "rule that translates", script: "add rule ip lvsmark postrouting ip saddr 192.0.2.7 masquerade", ruleKind: ruleOpaque},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, twoClusters)
			found := compare(changedByHand(t, want, c.script), want)
			assert.NotEmpty(t, found.changes)
			assert.ElementsMatch(t, c.want, markChangesOf(found))
			assert.Equal(t, c.ruleKind, slices.Max(found.kinds))
			for i := range found.changes {
				assert.False(t, found.of(i).untranslated, found.changes[i])
			}
		})
	}
}

func addRules(rules ...string) string {
	const add = "add rule ip lvsmark prerouting "
	return add + strings.Join(rules, "; "+add)
}

// TestMarksAgainstSpec reads the marks back from the rules of random specs: each VIP and
// port has the mark of the spec.
func TestMarksAgainstSpec(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		spec := specgen.Spec(r)
		yaml, found := specgen.YAML(spec), marksWith(nft.Compile(spec), nil)
		for _, family := range config.Families() {
			for _, binding := range spec.Bindings(family) {
				for _, vips := range binding.VIPs[:min(len(binding.VIPs), 40)] {
					for _, vip := range []netip.Addr{vips.First.Prev(), vips.First, vips.First.Next(), vips.Last, vips.Last.Next()} {
						require.Equal(t, wanted(spec, vip, false), found.plain.of(vip), "%s of %s", vip, yaml)
						var restricted []firewall.MarkedPorts
						for _, ports := range found.restricted.of(vip) {
							restricted = append(restricted, ports.MarkedPorts)
						}
						require.ElementsMatch(t, wanted(spec, vip, true), restricted, "%s of %s", vip, yaml)
					}
				}
			}
		}
	}
}

// wanted returns the marks of packets to an address: on each port, that of the smallest
// VIPs with the address. restricted: the marks of clusters with only, of which each has its
// own.
func wanted(spec *config.Spec, vip netip.Addr, restricted bool) []firewall.MarkedPorts {
	smallest := map[config.PortRange]uint64{}
	var list []firewall.MarkedPorts
	bindings := spec.Bindings(config.FamilyOf(vip))
	if !restricted {
		bindings = config.WithProtocols(bindings)
	}
	for _, binding := range bindings {
		for _, vips := range binding.VIPs {
			for _, ports := range withProtocols(binding.Ports) {
				count, known := smallest[ports]
				if (binding.Cluster.Only != nil) != restricted || !vips.Contains(vip) || known && count < vips.Count() {
					continue
				}
				if !restricted {
					smallest[ports] = vips.Count()
					list = slices.DeleteFunc(list, func(m firewall.MarkedPorts) bool { return m.PortRange == ports })
				}
				list = append(list, firewall.MarkedPorts{PortRange: ports, Mark: binding.Mark})
			}
		}
	}
	slices.SortFunc(list, func(a, b firewall.MarkedPorts) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low))
	})
	return list
}

// TestUntranslated removes sources of active data.
func TestUntranslated(t *testing.T) {
	const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {active-data: {translate: masquerade, source: 10.0.0.0/24, ports: [20, 989]}}
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
director: {bind: false, ip-forward: false}
`
	single := change(t, spec, "source: 10.0.0.0/24, ", "")
	const set20, set989 = "set ip lvsmark masquerade_20", "set ip lvsmark masquerade_989"
	for _, c := range []struct {
		name, from, to string
		want           []string
	}{
		{"wider", spec, change(t, spec, "10.0.0.0/24", "10.0.0.0/16"), nil},
		{"narrower", spec, change(t, spec, "10.0.0.0/24", "10.0.0.0/25"), []string{set20, set989}},
		{"single addresses", spec, single, []string{set20, set989}},
		{"from single addresses to a network", single, spec, nil},
		{"a real server removed", single, change(t, single, "{address: 10.0.0.11}, ", ""), []string{set20, set989}},
		{"a port removed", spec, change(t, spec, ", 989", ""), []string{set989}},
		{"to the VIP instead", spec, change(t, spec, "masquerade", "snat"), nil},
		{"no longer to the VIP", change(t, single, "masquerade", "snat"), change(t, single, "masquerade", "none"), []string{
			"map ip lvsmark snat_20", "map ip lvsmark snat_20", "map ip lvsmark snat_989", "map ip lvsmark snat_989",
		}},
		{"another table", spec, change(t, spec, "{bind", "{table: marks, bind"), nil},
		{"all", spec, "", []string{set20, set989}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var have []string
			found := compare(rehearse(t, c.from), rehearse(t, c.to))
			for i, change := range found.changes {
				if found.of(i).untranslated {
					have = append(have, change.Where())
				}
			}
			assert.ElementsMatch(t, c.want, have)
		})
	}
}
