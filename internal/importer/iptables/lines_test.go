package iptables

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// run executes lines of commands of iptables, ip6tables and ipset.
func run(lines string) *oldconfig.Config {
	r := New()
	number := 0
	for line := range strings.Lines(lines) {
		number++
		at := oldconfig.Line{Number: number, Text: strings.TrimSpace(line)}
		words, _ := SplitWords(at.Text)
		switch program := words[0].Text; program {
		case "ipset":
			r.Set(words[1:], at)
		default:
			r.Command(program, words[1:], at)
		}
	}
	return r.Config()
}

// TestLines executes scripts.
func TestLines(t *testing.T) {
	const mangle = "IPv4 mangle PREROUTING hook 2 priority -150\n"
	for name, c := range map[string]struct{ lines, want, wrong string }{
		"renamed chain": {
			lines: "iptables -t mangle -N a\niptables -t mangle -A a -j MARK --set-mark 1\niptables -t mangle -E a b\n" +
				"iptables -t mangle -A b -j ACCEPT\niptables -t mangle -A PREROUTING -j b\n",
			want: mangle + "5: -> jumpb\nIPv4 mangle b\n2: -> mark&0x0^0x1\n4: -> accept\n",
		},
		"renamed to a name that is taken": {
			lines: "iptables -t mangle -N a\niptables -t mangle -N b\niptables -t mangle -E a b\niptables -t mangle -A a -j ACCEPT\niptables -t mangle -A PREROUTING -j a\n",
			want:  mangle + "5: -> jumpa\nIPv4 mangle a\n4: -> accept\nIPv4 mangle b\n",
			wrong: `3: not understood: chain a cannot be renamed to "b"`,
		},
		"deleted by words that no rule has": {
			lines: "iptables -t mangle -A PREROUTING -p tcp -j ACCEPT\niptables -t mangle -D PREROUTING -p udp -j ACCEPT\n",
			want:  mangle + "1: proto=6 -> accept\n",
		},
		"deleted by words": {
			lines: "iptables -t mangle -A PREROUTING -p tcp -j ACCEPT\niptables -t mangle -A PREROUTING -p udp -j ACCEPT\niptables -t mangle -D PREROUTING -p udp -j ACCEPT\n",
			want:  mangle + "1: proto=6 -> accept\n",
		},
		"commands that change nothing": {
			lines: "iptables -t mangle -A PREROUTING -j ACCEPT\niptables -t mangle -L PREROUTING\niptables -t mangle -S\niptables -t mangle -Z\n" +
				"iptables -t mangle --list-rules PREROUTING\niptables --version\niptables -h\n",
			want: mangle + "1: -> accept\n",
		},
		"rules of several addresses have numbers of their own": {
			lines: "iptables -t mangle -A PREROUTING -s 10.0.0.1,10.0.0.2 -j ACCEPT\niptables -t mangle -D PREROUTING 1\n" +
				"iptables -t mangle -I PREROUTING -s 10.0.0.3,10.0.0.4 -j DROP\niptables -t mangle -D PREROUTING -s 10.0.0.4,10.0.0.5 -j DROP\n" +
				"iptables -t mangle -D PREROUTING -s 10.0.0.4 -j DROP\n",
			want: mangle + "3: saddr=10.0.0.3 -> drop\n1: saddr=10.0.0.2 -> accept\n",
		},
		"replaced by a rule of several addresses": {
			lines: "iptables -t mangle -A PREROUTING -j ACCEPT\niptables -t mangle -R PREROUTING 1 -s 10.0.0.1,10.0.0.2 -j DROP\n",
			want:  mangle + "1: -> accept\n",
			wrong: "2: not understood: iptables refuses to replace a rule by one with several addresses",
		},
		"a name that is too long": {
			lines: "iptables -t mangle -N a234567890123456789012345678\niptables -t mangle -N a2345678901234567890123456789\n",
			want:  "IPv4 mangle a234567890123456789012345678\n",
			wrong: `2: not understood: "a2345678901234567890123456789" is no name of a chain`,
		},
		"nomatch beside a range": { // which ipset makes networks of, more specific than the one with nomatch
			lines: "ipset create n hash:net\nipset add n 10.0.0.0/8\nipset add n 10.1.0.0/16 nomatch\nipset add n 10.1.0.4-10.1.0.7\n" +
				"iptables -t mangle -A PREROUTING -m set --match-set n dst -j ACCEPT\n",
			want:  mangle + "5: ?=-m set --match-set n dst (the elements of set n are not understood) -> accept\n",
			wrong: "5: not understood: it is not known which packets match -m set --match-set n dst (the elements of set n are not understood)",
		},
		"options of a family": {
			lines: "iptables -t mangle -A PREROUTING -4 -j ACCEPT\niptables -t mangle -A PREROUTING -6 -j DROP\niptables -t mangle -A PREROUTING -c 1 2 -p tcp -j ACCEPT\n",
			want:  mangle + "1: -> accept\n3: proto=6 -> accept\n",
		},
		"macs": {
			lines: "ipset create m hash:mac\nipset add m 00:11:22:33:44:55\n" +
				"iptables -t mangle -A PREROUTING -m set --match-set m src -j ACCEPT\niptables -t mangle -A PREROUTING -m set ! --match-set m src -j DROP\n",
			want: mangle + "3: mac=00:11:22:33:44:55 -> accept\n4: !mac=00:11:22:33:44:55 -> drop\n",
		},
		"types of ipset 4": {
			lines: "ipset -N a iphash\nipset -N n nethash\nipset -N p portmap --from 1 --to 100\nipset -N i ipporthash\nipset -N l setlist\n" +
				"ipset -A a 10.0.0.1\nipset -A n 10.1.0.0/16\nipset -A p 21\nipset -A i 10.0.0.2,tcp:22\nipset -A l a\n" +
				"iptables -t mangle -A PREROUTING -m set --match-set a src -j ACCEPT\niptables -t mangle -A PREROUTING -m set --match-set n src -j ACCEPT\n" +
				"iptables -t mangle -A PREROUTING -p tcp -m set --match-set p dst -j ACCEPT\niptables -t mangle -A PREROUTING -m set --match-set i dst,dst -j ACCEPT\n" +
				"iptables -t mangle -A PREROUTING -m set --match-set l dst -j ACCEPT\n",
			want: mangle + "11: saddr=10.0.0.1 -> accept\n12: saddr=10.1.0.0-10.1.255.255 -> accept\n13: proto=6 proto=6,17 dport=21 -> accept\n" +
				"14: proto=6 daddr=10.0.0.2 dport=22 -> accept\n15: daddr=10.0.0.1 -> accept\n",
		},
		"an unknown command of ipset": {
			lines: "ipset frobnicate x\niptables -t mangle -A PREROUTING -j ACCEPT\n",
			want:  mangle + "2: -> accept\n",
			wrong: "1: not understood: the command of ipset is not understood",
		},
		"a wrong port of a list": {
			lines: "iptables -t mangle -A PREROUTING -p tcp -m multiport --dports 21,x -j ACCEPT\n",
			want:  mangle + "1: proto=6 ?=-m multiport --dports 21,x -> accept\n",
			wrong: "1: not understood: it is not known which packets match -m multiport --dports 21,x",
		},
		"flags": {
			lines: "iptables -t mangle -A PREROUTING -p tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -j DROP\n",
			want:  mangle + "1: proto=6 flags&0x3f=41 -> drop\n",
		},
		"deleted in other words for every address": {
			lines: "iptables -t mangle -A PREROUTING -s 0/0 -p tcp -j ACCEPT\niptables -t mangle -D PREROUTING -p tcp -d 0.0.0.0/0 -j ACCEPT\n",
		},
		"options of targets": {
			lines: "iptables -t nat -A POSTROUTING -j SNAT --to-source ftp.example.com\n" +
				"iptables -A INPUT -p tcp --syn -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460\n",
			want: "IPv4 nat POSTROUTING hook 6 priority 100 nat\n1: -> opaque -j SNAT --to-source ftp.example.com\n" +
				"IPv4 filter INPUT hook 3 priority 0\n2: proto=6 flags&0x17=2 -> opaque -j SYNPROXY --sack-perm --timestamps --wscale 7 --mss 1460\n",
			wrong: "1: not understood: the target -j SNAT --to-source ftp.example.com is not understood\n" +
				"2: not understood: the target -j SYNPROXY --sack-perm --timestamps --wscale 7 --mss 1460 is not understood",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := run(c.lines)
			assert.Equal(t, c.want, dump.Chains(config))
			var wrong strings.Builder
			for _, r := range config.NotUnderstood {
				wrong.WriteString(dump.Config(&oldconfig.Config{NotUnderstood: []oldconfig.Remark{r}}))
			}
			assert.Equal(t, c.wrong, strings.TrimSpace(wrong.String()))
		})
	}
}

// TestDefaultFamily: a table that nothing names the family of is read as IPv4.
func TestDefaultFamily(t *testing.T) {
	c, err := ReadSave("rules", "*mangle\n-A PREROUTING -p tcp --dport 21 -j MARK --set-mark 21\nCOMMIT\n")
	assert.NoError(t, err)
	assert.Equal(t, "IPv4 mangle PREROUTING hook 2 priority -150\n2: proto=6 dport=21 -> mark&0x0^0x15\n", dump.Chains(c))
	assert.Equal(t, "1: finding: nothing in table mangle names its address family: it is read as IPv4\n", dump.Config(c))
}

// TestPortNames: names of /etc/services of both Debian and Red Hat.
func TestPortNames(t *testing.T) {
	const tcp, udp, sctp = 6, 17, 132
	for name, ports := range map[string][2]uint64{ // TCP, UDP
		"ftp-data": {20}, "ftp": {21}, "ssh": {22}, "telnet": {23}, "smtp": {25}, "mail": {25}, "domain": {53, 53}, "http": {80}, "www": {80},
		"pop3": {110}, "sunrpc": {111, 111}, "imap": {143}, "imap2": {143}, "ldap": {389, 389}, "https": {443, 443}, "ldaps": {636},
		"ftps-data": {989}, "ftps": {990}, "imaps": {993}, "mysql": {3306}, "tftp": {0, 69}, "ntp": {0, 123}, "FTP": {}, "ft": {}, "": {},
	} {
		assert.Equal(t, ports[0], portOf(name, tcp), name)
		assert.Equal(t, ports[0], portOf(name, 0), name)
		assert.Equal(t, ports[1], portOf(name, udp), name)
		assert.Zero(t, portOf(name, sctp), name)
	}
}
