package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestChangedForOthers: a match that is not understood, of a rule that stays, has the same result on
// both sides only if the rules ahead have made the same of the packet.
func TestChangedForOthers(t *testing.T) {
	const prerouting, input = "iptables -t mangle -A PREROUTING -d 198.51.100.21 ", "iptables -A INPUT "
	const marks = prerouting + "-p tcp --dport 21 -j MARK --set-mark 21\n" +
		prerouting + "-p tcp --dport 10000:20000 -j MARK --set-mark 21\n"
	const services = `iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE
ipvsadm -A -f 21 -s wlc -p 300
ipvsadm -a -f 21 -r 10.0.0.11:0 -m
ipvsadm -a -f 21 -r 10.0.0.12:0 -m
`
	const other = prerouting + "-p tcp --dport 8080 -j MARK --set-mark 7\n"
	for name, c := range map[string]struct{ rules, answer string }{
		"DSCP":             {prerouting + "-j DSCP --set-dscp 10\n" + input + "-m dscp --dscp 10 -j DROP\n", "not proven"},
		"TOS":              {prerouting + "-j TOS --set-tos 16\n" + input + "-m tos --tos 16 -j DROP\n", "not proven"},
		"TTL":              {prerouting + "-j TTL --ttl-set 1\n" + input + "-m ttl --ttl-lt 2 -j DROP\n", "not proven"},
		"bytes":            {prerouting + "-j DSCP --set-dscp 10\n" + input + "-m u32 --u32 '0>>16&0xff=0x28' -j DROP\n", "not proven"},
		"MSS":              {prerouting + "-p tcp --syn -j TCPMSS --set-mss 500\n" + input + "-p tcp --syn -m tcpmss --mss 1:536 -j DROP\n", "not proven"},
		"to real servers":  {prerouting + "-j DSCP --set-dscp 10\niptables -t filter -A OUTPUT -m dscp --dscp 10 -j DROP\n", "not proven"},
		"unknown":          {prerouting + "-j DSCP --set-dscp 10\n" + input + "-m mystery --of it -j DROP\n", "not proven"},
		"another property": {prerouting + "-j DSCP --set-dscp 10\n" + input + "-m pkttype --pkt-type multicast -j DROP\n", "equivalent"},
		"not changed":      {input + "-m dscp --dscp 10 -j DROP\n", "equivalent"},
		"changed on both":  {input + "-p tcp --syn -j TCPMSS --set-mss 500\n" + input + "-p tcp --syn -m tcpmss --mss 1:536 -j DROP\n", "equivalent"},
		"validmark":        {other + input + "-m rpfilter --validmark --invert -j DROP\n", "not proven"},
		"rpfilter":         {other + input + "-m rpfilter --invert -j DROP\n", "equivalent"},
		"same marks":       {input + "-m rpfilter --validmark --invert -j DROP\n", "equivalent"},
		"limit":            {other + input + "-m limit --limit 5/s -j ACCEPT\n" + input + "-p tcp --dport 8080 -j DROP\n", "equivalent"},
		"recent":           {prerouting + "-m recent --set --name x\n" + input + "-m recent --rcheck --name x -j DROP\n", "not proven"},
		"another list":     {prerouting + "-m recent --set --name x\n" + input + "-m recent --rcheck --name y -j DROP\n", "equivalent"},
		"default list":     {prerouting + "-m recent --set\n" + input + "-m recent --update --seconds 60 -j DROP\n", "not proven"},
		"recent, stays":    {input + "-m recent --set --name x\n" + input + "-m recent --rcheck --name x -j DROP\n", "equivalent"},
		"hashlimit":        {prerouting + "-m hashlimit --hashlimit-name x --hashlimit-above 1/s --hashlimit-mode srcip\n" + input + "-m hashlimit --hashlimit-name x --hashlimit-above 1/s --hashlimit-mode srcip -j DROP\n", "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, strings.Replace(spec, "persistence: 5m", "persistence: 300s", 1), c.rules+marks+services)
			assert.Equal(t, c.answer, r.Answer(), r.Text())
		})
	}
}

// TestOriginalOfAnswers: the original direction of an answer is the other one, so what a rule does
// with answers of real servers by the address of the VIP is not known.
func TestOriginalOfAnswers(t *testing.T) {
	const old = `iptables -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 21 -j MARK --set-mark 21
iptables -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 10000:20000 -j MARK --set-mark 21
iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE
ipvsadm -A -f 21 -s wlc -p 300
ipvsadm -a -f 21 -r 10.0.0.11:0 -m
ipvsadm -a -f 21 -r 10.0.0.12:0 -m
`
	const drop = " -m conntrack --ctorigdst 198.51.100.21 -j DROP\n"
	for rules, answer := range map[string]string{
		"iptables -t mangle -A FORWARD" + drop:                                      "not proven",
		"iptables -t mangle -A PREROUTING -s 10.0.0.0/24 ! -d 198.51.100.21" + drop: "not proven",
		"iptables -t filter -A FORWARD" + drop:                                      "equivalent", // it stays
		"iptables -t mangle -A FORWARD -s 203.0.113.0/24" + drop:                    "equivalent", // of no real server
		"iptables -t mangle -A PREROUTING -p tcp --dport 21" + drop:                 "different",
	} {
		r := compare(t, strings.Replace(spec, "persistence: 5m", "persistence: 300s", 1), old+rules)
		assert.Equal(t, answer, r.Answer(), rules+r.Text())
	}
}
