package firewall_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKeepMarks: rules that change marks before lvsmark sets them once more are no findings;
// later ones are, and rules that drop packets by a mark that such a rule may have set.
func TestKeepMarks(t *testing.T) {
	const dns = "198.51.100.53 (ports udp/53)"
	chain := func(hook, rule string) string {
		return "table ip t { chain c { type filter hook " + hook + "; udp dport 53 " + rule + "; }; }"
	}
	for script, want := range map[string]struct{ without, with []string }{
		chain("prerouting priority -140", "meta mark set 1"):          {[]string{"will set the mark of " + dns}, nil},
		chain("prerouting priority -150", "meta mark set 1"):          {[]string{"will set the mark of " + dns}, nil},
		chain("input priority 0", "meta mark set meta mark | 0x4000"): {[]string{"will set the mark of " + dns}, nil},
		chain("input priority 97", "meta mark set 1"):                 {[]string{"will set the mark of " + dns}, nil},
		chain("input priority 98", "meta mark set 1"):                 {[]string{"will set the mark of " + dns}, []string{"will set the mark of " + dns}},
		chain("input priority 99", "meta mark set 1"):                 {[]string{"will set the mark of " + dns}, []string{"will set the mark of " + dns}},
		chain("input priority 100", "meta mark set 1"):                {nil, nil},
		chain("input priority 0", "drop"):                             {[]string{"will drop " + dns}, []string{"will drop " + dns}},
		// The mark is not known before lvsmark sets it once more.
		"table ip t { chain a { type filter hook prerouting priority -140; iifname \"x\" udp dport 53 meta mark set 0x8000; }; chain b { type filter hook input priority 0; meta mark 0x8000 drop; }; }": {
			[]string{"may set the mark of " + dns + " [iifname]"},
			[]string{"may drop 198.51.100.21 and 3 other VIPs (ports 21, 80, 443, 10000-20000, udp/53) [meta mark]"},
		},
		// After that it is the cluster's.
		"table ip t { chain a { type filter hook prerouting priority -140; iifname \"x\" udp dport 53 meta mark set 0x8000; }; chain b { type filter hook input priority 99; meta mark 0x8000 drop; }; }": {
			[]string{"may set the mark of " + dns + " [iifname]"}, nil,
		},
	} {
		t.Run(script, func(t *testing.T) {
			inScratch(t, func() {
				run(t, script, "-f", "-")
				spec := parse(t, findingSpec)
				assert.Equal(t, want.without, short(findings(t, spec)))
				spec.Director.KeepMarks = true
				assert.Equal(t, want.with, short(findings(t, spec)))
			})
		})
	}
}

// TestKeepMarksOfPrograms: with the marks of well-known programs between lvsmark's chains,
// no finding is about marks.
func TestKeepMarksOfPrograms(t *testing.T) {
	for _, file := range []string{"docker.rules", "kube-proxy.rules", "kube-proxy.nft", "tailscale.rules", "firewalld.nft"} {
		t.Run(file, func(t *testing.T) {
			inScratch(t, func() {
				load(t, file)
				spec := parse(t, findingSpec)
				spec.Director.KeepMarks = true
				for _, f := range findings(t, spec) {
					assert.False(t, strings.Contains(f.String(), "set the mark of"), f.String())
				}
			})
		})
	}
}
