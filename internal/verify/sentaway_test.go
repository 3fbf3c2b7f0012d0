package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSentAway: a rule that stays may test the mark of packets to a VIP that another one sends to
// another host, and only rules that the spec replaces have set that mark.
func TestSentAway(t *testing.T) {
	const mangle, nat = "iptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21 ", "iptables -t nat -A "
	const marks = mangle + "--dport 21 -j MARK --set-mark 21\n" + mangle + "--dport 10000:20000 -j MARK --set-mark 21\n"
	const services = nat + `POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE
ipvsadm -A -f 21 -s wlc -p 300
ipvsadm -a -f 21 -r 10.0.0.11:0 -m
ipvsadm -a -f 21 -r 10.0.0.12:0 -m
`
	const web = mangle + "--dport 8080 -j MARK --set-mark 7\n"
	const away = nat + "PREROUTING -p tcp -d 198.51.100.21 --dport 8080 -j DNAT --to-destination 10.0.0.80\n"
	const masquerade = nat + "POSTROUTING -m mark --mark 7 -j MASQUERADE\n"
	for name, c := range map[string]struct{ rules, answer string }{
		"masquerade":            {web + away + masquerade, "not proven"},
		"accept":                {web + away + "iptables -A FORWARD -m mark ! --mark 7 -p udp -j ACCEPT\n", "not proven"},
		"only counted":          {web + away + "iptables -A FORWARD -m mark --mark 7\n", "equivalent"},
		"no mark is tested":     {web + away + nat + "POSTROUTING -d 10.0.0.80 -j MASQUERADE\n", "equivalent"},
		"mark of the spec":      {away + strings.Replace(masquerade, "7", "21", 1), "equivalent"},
		"to the director":       {web + strings.Replace(away, "DNAT --to-destination 10.0.0.80", "REDIRECT --to-ports 80", 1) + masquerade, "equivalent"},
		"nobody is sent":        {web + masquerade, "equivalent"},
		"bits of another mark":  {strings.Replace(web, "--set-mark 7", "--or-mark 4", 1) + away + masquerade, "not proven"},
		"restored":              {mangle + "-j CONNMARK --restore-mark\n" + away + masquerade, "not proven"},
		"the other family's":    {web + strings.ReplaceAll(masquerade, "iptables", "ip6tables") + away, "equivalent"},
		"a rule of both tables": {web + away + masquerade + "iptables -A FORWARD -m mark --mark 7 -j ACCEPT\n", "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, strings.Replace(spec, "persistence: 5m", "persistence: 300s", 1), c.rules+marks+services+"sysctl -w net.ipv4.vs.conntrack=0\n")
			assert.Equal(t, c.answer, r.Answer(), r.Text())
		})
	}
}
