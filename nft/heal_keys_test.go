package nft_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// keysSpec has networks, several passive ranges, all ports, SCTP, source-nat, and each key of
// the director that adds rules or chains.
const keysSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, 198.18.0.0/16], ftp: {passive-ports: [2000-2999, 10000-20000]}, source-nat: masquerade, real-servers: [{address: 10.0.0.11}]}
  - {name: sctp, mark: 22, vips: [198.51.100.21], ports: [sctp/2905, 80], real-servers: [{address: 10.0.0.11}]}
  - {name: rest, mark: 7, vips: [198.51.100.21], ports: [all], real-servers: [{address: 10.0.0.11}]}
director: {marks: first-packet, keep-marks: true, local-clients: true, ip-forward: false}
`

// TestHealKeys is TestHeal for the objects of keysSpec.
func TestHealKeys(t *testing.T) {
	const (
		ports     = "tcp_21_2000-2999_10000-20000"
		chainOf21 = "all_ports_and_" + ports + "_and_tcp_80_sctp_2905"
		network   = "ip daddr 198.0.0.0/8 "
		synACK    = "@th,104,8 != 0x10 @th,104,8 != 0x2 @th,104,8 != 0x18 @th,104,8 & 0x2 == 0x2 @th,104,8 & 0x10 == 0x10 "
		answers   = synACK + `meta l4proto tcp socket wildcard 0 accept comment "answers to connections of the director"`
	)
	want := rehearse(t, parse(t, keysSpec))
	add, del := nft.Add, nft.Delete
	added := func(chain string, rules ...string) (list []string) {
		for _, rule := range rules {
			list = append(list, text(add, "rule", "chain ip lvsmark "+chain, "", rule))
		}
		return list
	}
	marks := func(match string) []string {
		const set = " meta mark set ip daddr map @" + ports
		return []string{match + set + " accept", match + set + "_networks accept"}
	}
	toFirst := func(chain string) []string {
		return []string{"ip protocol != tcp goto " + chain + "_first", "@th,104,8 & 0x2 == 0x2 goto " + chain + "_first"}
	}
	vmaps := []string{network + "ip daddr vmap @vips", network + "ip daddr vmap @vip_networks"}
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"network deleted": {"delete element ip lvsmark " + ports + "_networks { 198.18.0.0/16 }", []string{
			text(add, "element", "map ip lvsmark "+ports+"_networks", "", "198.18.0.0/16 : 0x00000015"),
		}},
		"network added": {"add element ip lvsmark " + ports + "_networks { 198.20.0.0/16 : 21 }", []string{
			text(del, "element", "map ip lvsmark "+ports+"_networks", "198.20.0.0/16 : 0x00000015", ""),
		}},
		"chain of a network changed": {"delete element ip lvsmark vip_networks { 198.18.0.0/16 }; add element ip lvsmark vip_networks { 198.18.0.0/16 : goto " + chainOf21 + " }", []string{
			text(add, "element", "map ip lvsmark vip_networks", "", "198.18.0.0/16 : goto "+ports),
			text(del, "element", "map ip lvsmark vip_networks", "198.18.0.0/16 : goto "+chainOf21, ""),
		}},
		"all ports of the VIP deleted": {"delete element ip lvsmark all_ports { 198.51.100.21 }", []string{
			text(add, "element", "map ip lvsmark all_ports", "", "198.51.100.21 : 0x00000007"),
		}},
		"range added": {"insert rule ip lvsmark " + ports + " tcp dport 30000-40000 meta mark set ip daddr map @" + ports + " accept", []string{
			text(del, "rule", "chain ip lvsmark "+ports, "tcp dport 30000-40000 meta mark set ip daddr map @"+ports+" accept", ""),
		}},
		"chain of ports flushed": {"flush chain ip lvsmark " + chainOf21, added(chainOf21, slices.Concat(
			marks("tcp dport 10000-20000"), marks("tcp dport 2000-2999"), marks("tcp dport 21"), []string{
				"tcp dport 80 meta mark set ip daddr map @tcp_80_sctp_2905 accept",
				"sctp dport 2905 meta mark set ip daddr map @tcp_80_sctp_2905 accept",
				"meta mark set ip daddr map @all_ports",
			},
		)...)},
		"source-nat of a mark deleted": {"delete element ip lvsmark masquerade_marks { 21 }", []string{
			text(add, "element", "set ip lvsmark masquerade_marks", "", "0x00000015"),
		}},
		"source-nat of a real server added": {"add element ip lvsmark masquerade_servers { 10.0.0.99 }", []string{
			text(del, "element", "set ip lvsmark masquerade_servers", "10.0.0.99", ""),
		}},
		"source-nat deleted": {"delete chain ip lvsmark source_nat", append(
			[]string{text(add, "chain", "table ip lvsmark", "", "source_nat { type nat hook postrouting priority srcnat - 1; policy accept; }")},
			added("source_nat", "meta mark @masquerade_marks ip daddr @masquerade_servers masquerade")...,
		)},
		"every packet marked": {"add rule ip lvsmark prerouting goto prerouting_first", []string{
			text(del, "rule", "chain ip lvsmark prerouting", "goto prerouting_first", ""),
		}},
		"first packets not marked":       {"flush chain ip lvsmark prerouting", added("prerouting", toFirst("prerouting")...)},
		"marks of first packets flushed": {"flush chain ip lvsmark prerouting_first", added("prerouting_first", append([]string{answers}, vmaps...)...)},
		"marks not kept": {"delete chain ip lvsmark input", append(
			[]string{text(add, "chain", "table ip lvsmark", "", "input { type filter hook input priority 98; policy accept; }")},
			added("input", toFirst("input")...)...,
		)},
		"local clients not marked": {"flush chain ip lvsmark output; delete chain ip lvsmark output_first", slices.Concat(
			[]string{text(add, "chain", "table ip lvsmark", "", "output_first")},
			added("output_first", append([]string{synACK + `tcp dport 1024-65535 accept comment "answers of the director to connections from a VIP"`}, vmaps...)...),
			added("output", toFirst("output")...),
		)},
		"input chain at another priority": {"delete chain ip lvsmark input; add chain ip lvsmark input { type filter hook input priority 97; }", append(
			[]string{text(nft.Edit, "chain", "table ip lvsmark", "input { type filter hook input priority 97; policy accept; }", "input { type filter hook input priority 98; policy accept; }")},
			added("input", toFirst("input")...)...,
		)},
	} {
		t.Run(name, func(t *testing.T) {
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				before := list(t, "table", "ip", "lvsmark")
				run(t, c.script, "-f", "-")
				assert.Equal(t, c.want, texts(apply(t, conn, want)))
				assert.Equal(t, sortedLines(before), sortedLines(list(t, "table", "ip", "lvsmark")))
				assert.Empty(t, apply(t, conn, want), "a second apply")
			})
		})
	}
}
