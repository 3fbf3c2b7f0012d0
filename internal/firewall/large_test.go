package firewall_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/firewall"
)

// largeRulesets returns rulesets of the largest sizes seen in practice.
func largeRulesets() map[string]string {
	var services, sources, blocked, networks strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&services, "\t\tip daddr 10.%d.%d.%d tcp dport %d counter jump svc\n", 64+i>>16, i>>8&0xff, i&0xff, 1+i%1000)
		fmt.Fprintf(&sources, "\t\tip saddr 10.%d.%d.%d counter drop\n", 64+i>>16, i>>8&0xff, i&0xff)
	}
	for i := range 500_000 {
		fmt.Fprintf(&blocked, "%s11.%d.%d.%d", strings.Repeat(", ", min(i, 1)), i>>16, i>>8&0xff, i&0xff)
	}
	for i := range 100_000 {
		fmt.Fprintf(&networks, "%s11.%d.%d.%d/30", strings.Repeat(", ", min(i, 1)), i>>14, i>>6&0xff, i<<2&0xff)
	}
	const chain = "\tchain c {\n\t\ttype filter hook prerouting priority 0;\n"
	return map[string]string{
		"60000-services":   "table ip t {\n\tchain svc { accept; }\n" + chain + services.String() + "\t}\n}\n",
		"60000-sources":    "table ip t {\n" + chain + sources.String() + "\t}\n}\n",
		"500000-addresses": "table ip t {\n\tset s { type ipv4_addr; elements = { " + blocked.String() + " }; }\n" + chain + "\t\tip daddr @s drop\n\t}\n}\n",
		"100000-networks":  "table ip t {\n\tset s { type ipv4_addr; flags interval; elements = { " + networks.String() + " }; }\n" + chain + "\t\tip daddr @s drop\n\t}\n}\n",
	}
}

// BenchmarkLarge runs Findings for 10,000 VIPs and large rulesets, and compares its time and
// processor time (user and system) with those of `nft list ruleset`.
func BenchmarkLarge(b *testing.B) {
	spec := manyVIPs(b, 10_000)
	for name, script := range largeRulesets() {
		b.Run(name, func(b *testing.B) {
			inScratch(b, func() {
				run(b, script, "-f", "-")
				var ours, theirs, oursCPU, theirsCPU time.Duration
				for b.Loop() {
					begin, used := time.Now(), processorTime(b, unix.RUSAGE_SELF)
					conn := dial(b)
					_, err := firewall.Findings(spec, foreign(b, conn), conn, firewall.Tracking{})
					require.NoError(b, err)
					ours, oursCPU = ours+time.Since(begin), oursCPU+processorTime(b, unix.RUSAGE_SELF)-used
					begin, used = time.Now(), processorTime(b, unix.RUSAGE_CHILDREN)
					require.NoError(b, exec.Command("nft", "list", "ruleset").Run())
					theirs, theirsCPU = theirs+time.Since(begin), theirsCPU+processorTime(b, unix.RUSAGE_CHILDREN)-used
				}
				b.ReportMetric(oursCPU.Seconds()/theirsCPU.Seconds(), "cpu-of-nft-list")
				b.ReportMetric(ours.Seconds()/theirs.Seconds(), "of-nft-list")
				b.ReportMetric(ours.Seconds()/float64(b.N), "s/findings")
				b.ReportMetric(theirs.Seconds()/float64(b.N), "s/list")
			})
		})
	}
}

func processorTime(b *testing.B, who int) time.Duration {
	var used unix.Rusage
	require.NoError(b, unix.Getrusage(who, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
