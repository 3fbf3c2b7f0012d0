package firewall_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/firewall"
)

// manyRules returns the rules of a firewall and a proxy with n services. One service in
// three has a rule for a VIP, which has no effect.
func manyRules(n int) string {
	var b, elements strings.Builder
	b.WriteString("table ip many {\n\tset s { type ipv4_addr . inet_proto . inet_service; }\n\tchain svc { meta mark set 1 accept; }\n\tchain c {\n\t\ttype filter hook input priority 0;\n")
	for i := range n {
		fmt.Fprintf(&b, "\t\tip daddr 10.96.%d.%d tcp dport 80 jump svc\n", i/256, i%256)
		if i%3 == 0 {
			fmt.Fprintf(&b, "\t\tip daddr 10.128.%d.%d tcp dport 10000-10010 ct mark set 1\n", i/256, i%256)
		}
		fmt.Fprintf(&elements, "%s10.97.%d.%d . tcp . 80", strings.Repeat(", ", min(i, 1)), i/256, i%256)
	}
	fmt.Fprintf(&b, "\t\tip daddr . meta l4proto . th dport @s drop\n\t}\n}\nadd element ip many s { %s }\n", &elements)
	return b.String()
}

// TestFindingsScale: the work of Findings grows at most in proportion to the rules, and
// to the VIPs.
func TestFindingsScale(t *testing.T) {
	inScratch(t, func() {
		conn := dial(t)
		steps := func(rules, vips int) int {
			run(t, "flush ruleset\n"+manyRules(rules), "-f", "-")
			begin := time.Now()
			n, err := firewall.FindingSteps(manyVIPs(t, vips), foreign(t, conn), conn, math.MaxInt)
			require.NoError(t, err)
			t.Logf("%d rules, %d VIPs: %d steps, %s", rules, vips, n, time.Since(begin).Round(time.Millisecond))
			return n
		}
		few := steps(500, 1000)
		assert.Greater(t, few, 500)
		assert.LessOrEqual(t, steps(5000, 1000), 11*few)
		assert.LessOrEqual(t, steps(500, 10000), 11*few)
		assert.Empty(t, findings(t, manyVIPs(t, 10000)))
		steps(5000, 10000)
	})
}

// TestFindingsJumps has chains with three conditional jumps to the next chain each. The
// work does not triple with each chain.
func TestFindingsJumps(t *testing.T) {
	var script strings.Builder
	script.WriteString("table ip t {\n\tchain c15 { drop; }\n")
	for i := 14; i >= 0; i-- {
		fmt.Fprintf(&script, "\tchain c%d {\n", i)
		if i == 0 {
			script.WriteString("\t\ttype filter hook input priority 0;\n")
		}
		for _, device := range []string{"a", "b", "a"} {
			fmt.Fprintf(&script, "\t\tiifname %s jump c%d\n", device, i+1)
		}
		script.WriteString("\t}\n")
	}
	script.WriteString("}\n")
	inScratch(t, func() {
		run(t, script.String(), "-f", "-")
		conn := dial(t)
		found := findings(t, parse(t, findingSpec))
		require.Len(t, found, 1)
		assert.Equal(t, []string{"iifname"}, found[0].Conditions)

		_, err := firewall.FindingSteps(parse(t, findingSpec), foreign(t, conn), conn, 10)
		assert.ErrorIs(t, err, firewall.ErrTooMuch)
	})
}
