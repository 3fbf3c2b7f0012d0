package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOutgoingDevice: ahead of the routing, no packet has an outgoing device, whichever hook the
// chain with the match is called from.
func TestOutgoingDevice(t *testing.T) {
	const marks = `iptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21 --dport 21 -j MARK --set-mark 21
iptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21 --dport 10000:20000 -j MARK --set-mark 21
iptables -t nat -A POSTROUTING -p tcp -s 10.0.0.0/24 --sport 20 -j MASQUERADE
ipvsadm -A -f 21 -s wlc -p 300
ipvsadm -a -f 21 -r 10.0.0.11:0 -m
ipvsadm -a -f 21 -r 10.0.0.12:0 -m
iptables -t mangle -N x
iptables -t mangle -A x `
	const forward = "iptables -t mangle -A FORWARD -s 10.0.0.11 -j x\n"
	prerouting := strings.ReplaceAll(forward, "FORWARD", "PREROUTING")
	for name, c := range map[string]struct{ rules, answer, want string }{
		"PREROUTING":          {"-o eth0 -j DROP\n" + prerouting, "equivalent", ""},
		"PREROUTING, not":     {"! -o eth0 -j DROP\n" + prerouting, "different", "10.0.0.11:0 -> 192.0.2.1:1 (flags none)"},
		"FORWARD":             {"-o eth0 -j DROP\n" + forward, "different", "out by eth0"},
		"both":                {"-o eth0 -j DROP\n" + prerouting + forward, "different", "out by eth0"},
		"both, the other way": {"-o eth0 -j DROP\n" + forward + prerouting, "different", "out by eth0"},
		"everything but both": {"! -o eth0 -j ACCEPT\niptables -t mangle -A x -j DROP\n" + prerouting, "equivalent", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := compare(t, strings.Replace(spec, "persistence: 5m", "persistence: 300s", 1), marks+c.rules)
			assert.Equal(t, c.answer, r.Answer(), r.Text())
			assert.Contains(t, r.Text(), c.want)
		})
	}
}
