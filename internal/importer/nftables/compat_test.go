package nftables

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestRemarkOnIPTables: lines as nft 1.0.6 lists them.
func TestRemarkOnIPTables(t *testing.T) {
	const head = "table ip mangle {\n\tchain PREROUTING {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n"
	for rule, remarks := range map[string]int{
		"meta l4proto tcp counter packets 0 bytes 0 ct mark set mark and 0x1":                           1,
		"meta l4proto tcp counter packets 0 bytes 0 ct mark set ct mark xor 0x7 and 0xfffffffc":         1,
		"meta l4proto tcp counter packets 0 bytes 0 meta mark set ct mark and 0x1":                      1,
		"meta l4proto tcp tcp sport . tcp dport { 0-65535 . 21, 21 . 0-65535 } counter meta mark set 1": 1,
		"fib saddr type != local counter packets 0 bytes 0 meta mark set 0x1":                           1,
		"ct state invalid,new ct original daddr 198.51.100.21 counter meta mark set 0x1":                1,
		"ct state != new counter ct original daddr 198.51.100.21 meta mark set 0x1":                     1,
		"ct state ! invalid ct original daddr != 198.51.100.21 meta mark set 0x1":                       1,
		"ct original protocol 6 ct state ! new meta mark set 0x1":                                       1,
		"ct original protocol 6 ct state new meta mark set 0x1":                                         0,
		"ct state new ct original daddr 198.51.100.21 meta mark set 0x1":                                0,
		"ct state invalid,new meta mark set 0x1":                                                        0,
		"fib daddr type local meta mark set 0x1":                                                        0,
		"ct mark set mark":                                                                              0,
		"meta mark set ct mark":                                                                         0,
		"ct mark set 0x7":                                                                               0,
		"meta mark set mark or 0x6":                                                                     0,
		"tcp dport { 20, 21 } meta mark set 0x6":                                                        0,
		"udp dport != { 20, 21 } meta mark set mark and 0x6":                                            0,
	} {
		for text, want := range map[string]int{
			head + "\t\t" + rule + "\n\t}\n}\n": remarks,
			"table ip mangle {\n\tchain a {\n\t\t" + rule + "\n\t}\n\n\tchain PREROUTING {\n\t}\n}\n":          remarks,
			"table ip mine {\n\tchain PREROUTING {\n\t\t" + rule + "\n\t}\n}\n":                                0,
			"table ip mangle {\n\tchain prerouting {\n\t\t" + rule + "\n\t}\n}\n":                              0,
			head + "\t}\n}\ntable ip lvsmark {\n\tchain prerouting {\n\t\t" + rule + "\n\t}\n}\n":              0,
			"table inet mangle {\n\tchain PREROUTING {\n\t\t" + rule + "\n\t}\n}\n":                            0,
			"table ip6 nat {\n\tchain POSTROUTING {\n\t}\n\tchain a {\n\t\t" + rule + "\n\t\taccept\n\t}\n}\n": remarks,
		} {
			c := &oldconfig.Config{}
			remarkOnIPTables(c, "f", text)
			if assert.Len(t, c.NotUnderstood, want, text) && want > 0 {
				assert.Equal(t, rule, c.NotUnderstood[0].Text)
				assert.Contains(t, c.NotUnderstood[0].Message, "iptables-save")
			}
		}
	}
}

// TestRemarkOnIP6Tables: as nft 1.0.6 lists -m frag, -p tcp -m rt, and addrtype of ip6tables-nft.
func TestRemarkOnIP6Tables(t *testing.T) {
	for rule, want := range map[string]int{
		" counter packets 0 bytes 0 meta mark set 0x1":                                    1,
		"meta l4proto tcp  counter packets 0 bytes 0 meta mark set 0x1":                   1,
		"fib daddr type { unicast, local } counter packets 0 bytes 0 meta mark set 0x1":   1,
		"fib daddr type != unicast counter packets 0 bytes 0 meta mark set 0x1":           1,
		"fib daddr type local tcp dport 21 counter packets 0 bytes 0 meta mark set 0x1":   0,
		"counter packets 0 bytes 0 meta mark set 0x1":                                     0,
		"frag more-fragments 1 counter packets 0 bytes 0 drop":                            0,
		"ip6 daddr 2001:db8::15 tcp dport 21 counter packets 0 bytes 0 meta mark set 0x1": 0,
	} {
		of := func(table string) int {
			c := &oldconfig.Config{}
			remarkOnIPTables(c, "f", table+" {\n\tchain PREROUTING {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n\t\t"+rule+"\n\t}\n}\n")
			return len(c.NotUnderstood)
		}
		assert.Equal(t, want, of("table ip6 mangle"), rule)
		assert.Zero(t, of("table ip mangle"), rule)
		assert.Zero(t, of("table ip6 mine"), rule)
	}
}
