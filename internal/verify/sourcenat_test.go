package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const oneArmed = `
clusters:
  - name: web
    mark: 21
    vips: [198.51.100.21]
    ports: [80, 443]
    source-nat: masquerade
    persistence: 1m
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
`

const oneArmedRules = `*mangle
-A PREROUTING -d 198.51.100.21/32 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 7
COMMIT
`

const oneArmedServices = `-A -f 7 -s wlc -p 60
-a -f 7 -r 10.0.0.12:0 -m -w 1
-a -f 7 -r 10.0.0.11:0 -m -w 1
`

func postrouting(rules ...string) string {
	return "*nat\n-A POSTROUTING " + strings.Join(rules, "\n-A POSTROUTING ") + "\nCOMMIT\n"
}

// TestSourceNAT: the translation of packets to real servers, as people write it, is compared
// with source-nat.
func TestSourceNAT(t *testing.T) {
	snat := strings.Replace(oneArmed, "masquerade", "snat", 1)
	const tracked, untracked = "net.ipv4.vs.conntrack = 1\n", "net.ipv4.vs.conntrack = 0\n"
	for name, c := range map[string]struct {
		spec, rules, setting string
		answer, want         string // part of the text
	}{
		"vaddr":       {rules: postrouting("-m ipvs --vaddr 198.51.100.21/32 -j MASQUERADE")},
		"vport":       {rules: postrouting("-m ipvs --vaddr 198.51.100.21 --vport 80 -j MASQUERADE", "-m ipvs --vaddr 198.51.100.21 --vport 443 -j MASQUERADE")},
		"ipvs":        {rules: postrouting("-m ipvs --ipvs --vmethod MASQ -j MASQUERADE")},
		"vproto":      {rules: postrouting("-m ipvs --vproto tcp -j MASQUERADE")},
		"servers":     {rules: postrouting("-d 10.0.0.11 -j MASQUERADE", "-d 10.0.0.12 -j MASQUERADE")},
		"ports":       {rules: postrouting("-d 10.0.0.11 -p tcp -m multiport --dports 80,443 -j MASQUERADE", "-d 10.0.0.12 -p tcp --dport 80:443 -j MASQUERADE")},
		"mark":        {rules: postrouting("-m mark --mark 7 -j MASQUERADE"), setting: tracked},
		"network":     {rules: postrouting("-d 10.0.0.0/24 -j MASQUERADE"), setting: tracked},
		"to the VIP":  {spec: snat, rules: postrouting("-m ipvs --vaddr 198.51.100.21 -j SNAT --to-source 198.51.100.21")},
		"ctorigdst":   {spec: snat, rules: postrouting("-m ipvs --ipvs -m conntrack --ctorigdst 198.51.100.21 -j SNAT --to-source 198.51.100.21")},
		"from filter": {rules: "*filter\n-A OUTPUT -d 10.0.0.11 -j ACCEPT\nCOMMIT\n" + postrouting("-m ipvs --ipvs -j MASQUERADE")},

		"none":          {answer: "different", want: "another source address on the way to real servers", setting: tracked},
		"no tracking":   {rules: postrouting("-m ipvs --ipvs -j MASQUERADE"), setting: untracked, answer: "different", want: "another source address"},
		"one server":    {rules: postrouting("-d 10.0.0.11 -j MASQUERADE"), answer: "different", want: "on the way to 10.0.0.11: source becomes"},
		"one port":      {rules: postrouting("-m ipvs --vport 80 -j MASQUERADE"), answer: "different", want: "198.51.100.21:443"},
		"other VIP":     {rules: postrouting("-m ipvs --vaddr 198.51.100.22 -j MASQUERADE"), answer: "different", want: "another source address"},
		"not ipvs":      {rules: postrouting("-m ipvs ! --ipvs -j MASQUERADE"), setting: tracked, answer: "different", want: "another source address"},
		"other address": {spec: snat, rules: postrouting("-m ipvs --ipvs -j SNAT --to-source 198.51.100.22"), answer: "different", want: "source becomes 198.51.100.22"},
		"GATE":          {rules: postrouting("-m ipvs --vmethod GATE -j MASQUERADE"), answer: "different", want: "another source address"},
		"some clients":  {rules: postrouting("-s 192.0.2.0/24 -m ipvs --ipvs -j MASQUERADE"), answer: "different", want: "another source address"},
		"accepted":      {rules: postrouting("-s 192.0.2.0/24 -j ACCEPT", "-m ipvs --ipvs -j MASQUERADE"), answer: "different", want: "192.0.2.0:40000"},
		"unknown":       {rules: postrouting("-m mark --mark 7 -j MASQUERADE"), answer: "not proven", want: "not proven: net.ipv4.vs.conntrack: no file sets it"},
		"vportctl":      {rules: postrouting("-m ipvs --vportctl 21 -j MASQUERADE"), setting: tracked, answer: "not proven", want: "--vportctl 21"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.spec == "" {
				c.spec = oneArmed
			}
			if c.answer == "" {
				c.answer = "equivalent"
			}
			files := []string{oneArmedRules + c.rules, oneArmedServices}
			if c.setting != "" {
				files = append(files, c.setting)
			}
			r := compare(t, c.spec, files...)
			assert.Equal(t, c.answer, r.Answer(), r.Text())
			assert.Contains(t, r.Text(), c.want)
		})
	}
}

// TestSourceNATIsAdded: the setting that source-nat makes lets a rule that stays translate the
// packets of other clusters too.
func TestSourceNATIsAdded(t *testing.T) {
	const other = `  - {name: other, mark: 22, vips: [198.51.100.22], ports: [80], persistence: 1m, real-servers: [{address: 10.0.0.13}]}
`
	rules := "*mangle\n-A PREROUTING -d 198.51.100.22 -p tcp --dport 80 -j MARK --set-mark 22\n" + strings.TrimPrefix(oneArmedRules, "*mangle\n") +
		postrouting("-o eth1 -j MASQUERADE")
	services := oneArmedServices + "-A -f 22 -s wlc -p 60\n-a -f 22 -r 10.0.0.13:0 -m -w 1\n"
	without := strings.Replace(oneArmed, "    source-nat: masquerade\n", "", 1) + other

	assert.Equal(t, "equivalent", compare(t, without, rules, services).Answer(), "the same rule and the same setting")
	r := compare(t, oneArmed+other, rules, services, "net.ipv4.vs.conntrack = 0\n")
	require.Equal(t, "different", r.Answer())
	assert.Contains(t, r.Text(), "198.51.100.22:80")
	assert.Contains(t, r.Text(), "out by eth1")
}

// TestNoSetting: a rule for packets of IPVS alone shows that connection tracking knows them.
func TestNoSetting(t *testing.T) {
	r := compare(t, oneArmed, oneArmedRules+postrouting("-m ipvs --ipvs -j MASQUERADE"), oneArmedServices)
	assert.Equal(t, "equivalent", r.Answer())
	require.Len(t, r.Assumptions, 1)
	assert.Contains(t, r.Text(), "\nassumed:\n  old:5: the rule has an effect only if net.ipv4.vs.conntrack is 1, which no file sets")
}
