package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestStates: rules about states and marks of connections, as old scripts have them around the
// marks, are decided.
func TestStates(t *testing.T) {
	const prerouting = "iptables -t mangle -A PREROUTING "
	const marks = prerouting + "-p tcp -d 198.51.100.21 --dport 21 -j MARK --set-mark 21\n" +
		prerouting + "-p tcp -d 198.51.100.21 --dport 10000:20000 -j MARK --set-mark 21\n"
	const services = `iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE
ipvsadm -A -f 21 -s wlc -p 300
ipvsadm -a -f 21 -r 10.0.0.11:0 -m
ipvsadm -a -f 21 -r 10.0.0.12:0 -m
`
	onlyNew := strings.ReplaceAll(marks, " -j", " -m state --state NEW -j")
	for name, c := range map[string]struct{ rules, answer, want string }{
		"RELATED":         {prerouting + "-m state --state RELATED,ESTABLISHED -j ACCEPT\n" + marks, "equivalent", ""},
		"restored":        {prerouting + "-j CONNMARK --restore-mark\n" + prerouting + "-m mark ! --mark 0 -j ACCEPT\n" + marks + prerouting + "-j CONNMARK --save-mark\n", "equivalent", ""},
		"restored later":  {prerouting + "-m state --state ESTABLISHED,RELATED -j CONNMARK --restore-mark\n" + onlyNew + prerouting + "-m state --state NEW -j CONNMARK --save-mark\n", "equivalent", ""},
		"NEW":             {onlyNew, "equivalent", ""},
		"ctorigdst":       {strings.NewReplacer("-d 198", "-m conntrack --ctorigdst 198", "--dport", "--ctorigdstport").Replace(marks), "equivalent", ""},
		"another VIP":     {strings.ReplaceAll(marks, "-d 198.51.100.21", "-m conntrack --ctorigdst 198.51.100.20"), "different", "198.51.100.20:21"},
		"no ctorigdst":    {strings.ReplaceAll(marks, "-d 198.51.100.21", "-m conntrack ! --ctorigdst 198.51.100.20"), "different", ""},
		"ESTABLISHED":     {strings.ReplaceAll(marks, " -j", " -m state --state ESTABLISHED -j"), "different", "not served before, served after"},
		"input":           {marks + "iptables -P INPUT DROP\niptables -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\niptables -A INPUT -m mark --mark 21 -j ACCEPT\n", "equivalent", ""},
		"untracked":       {"iptables -t raw -A PREROUTING -d 198.51.100.21 -j NOTRACK\n" + onlyNew, "different", "not served before"},
		"helper":          {"iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n" + prerouting + "-m state --state RELATED -j ACCEPT\n" + marks, "not proven", "a helper of connection tracking expects"},
		"helper, NEW":     {"iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n" + marks, "equivalent", ""},
		"automatic":       {"sysctl -w net.netfilter.nf_conntrack_helper=1\n" + marks, "not proven", "helpers of connection tracking apply to all"},
		"variable":        {strings.Replace(marks, "iptables", "$IPT", 1), "not proven", "different, if the lines that are not understood do nothing: 1 kind of packets\n"},
		"no variable":     {strings.Replace(marks, "21 --dport 21", "22 --dport 21", 1), "different", "different: 2 kinds of packets\n"},
		"restored before": {prerouting + "-j MARK --set-mark 5\n" + prerouting + "-j CONNMARK --restore-mark --nfmask 0x4 --ctmask 0x4\n" + marks, "equivalent", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, strings.Replace(spec, "persistence: 5m", "persistence: 300s", 1), c.rules+services)
			assert.Equal(t, c.answer, r.Answer(), r.Text())
			assert.Contains(t, r.Text(), c.want)
		})
	}
}
