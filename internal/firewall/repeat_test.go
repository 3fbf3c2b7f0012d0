package firewall_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/firewall"
)

// randomRules returns a table with chains of random rules. Many of them differ only in the
// client, the port of the client or the device.
func randomRules(r *rand.Rand, hook string) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	client := func() string {
		return one("", "", fmt.Sprintf("ip saddr 203.0.113.%d ", r.IntN(9)), fmt.Sprintf("ip daddr 203.0.113.%d ", r.IntN(9)),
			fmt.Sprintf("tcp sport %d ", 1+r.IntN(9)), fmt.Sprintf("iifname \"e%d\" ", r.IntN(9)), "ct state established ", "ct mark 7 ", "meta mark 21 ")
	}
	known := func() string {
		return one("", "", "", "ip daddr 198.51.100.21 ", "ip saddr 10.0.0.11 ", "tcp dport 21 ", "tcp dport 10000-12000 ", "tcp dport 80 ", "tcp dport != 80 ", "meta l4proto tcp ", "tcp flags syn ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "table ip t {\n")
	for i := 3; i >= 0; i-- {
		targets := []string{"accept", "drop", "drop", "return", "continue", "meta mark set 7", "ct mark set 7", "counter", "limit rate 5/second drop"}
		for c := i + 1; c <= 3; c++ {
			targets = append(targets, fmt.Sprintf("jump c%d", c), fmt.Sprintf("goto c%d", c))
		}
		fmt.Fprintf(&b, "\tchain c%d {\n", i)
		if i == 0 {
			fmt.Fprintf(&b, "\t\ttype filter hook %s; policy %s;\n", hook, one("accept", "drop"))
			targets = targets[:len(targets)-1]
		}
		var forms []string // of rules; %s is the client
		for range 2 + r.IntN(4) {
			forms = append(forms, "\t\t"+one("", "%[1]s")+known()+one(targets...)+"%[2]s\n")
		}
		for range 3 * len(forms) {
			fmt.Fprintf(&b, one(forms...), client(), "")
		}
		b.WriteString("\t}\n")
	}
	return b.String() + "}\n"
}

// TestRepeatedRules: the findings are the same if each rule is followed, although another
// rule with the same steps was.
func TestRepeatedRules(t *testing.T) {
	inScratch(t, func() {
		conn, spec, count := dial(t), parse(t, findingSpec), 0
		for seed := range uint64(120) {
			r := rand.New(rand.NewPCG(seed, 0))
			script := randomRules(r, []string{"prerouting priority -160", "prerouting priority 0", "input priority 0", "forward priority 0"}[r.IntN(4)])
			run(t, "flush ruleset\n"+script, "-f", "-")
			want, err := firewall.FollowAll(spec, foreign(t, conn), conn, firewall.Tracking{})
			require.NoError(t, err)
			have, err := firewall.Findings(spec, foreign(t, conn), conn, firewall.Tracking{})
			require.NoError(t, err)
			if !assert.Equal(t, texts(want), texts(have), "seed %d:\n%s", seed, script) {
				return
			}
			count += len(want)
		}
		assert.Greater(t, count, 150)
	})
}

func texts(found []*firewall.Finding) (list []string) {
	for _, f := range found {
		list = append(list, f.String())
	}
	return list
}
