package firewall_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestHelpers: the helpers that rules assign, also by a map of objects. A counter of the same
// name is none.
func TestHelpers(t *testing.T) {
	for rule, want := range map[string][]string{
		`ct helper set "f"`: {"ftp"},
		`ct helper set tcp dport map { 21 : "f", 2121 : "f", 5060 : "s" }`:                                       {"ftp", "tftp"},
		`tcp sport 1 counter meta mark set 5 ip saddr 192.0.2.1 ct helper set tcp dport map { 5060 : "s" }`:      {"tftp"},
		`ct helper set tcp dport map { 1 : "s", 2 : "s", 3 : "s", 4 : "s", 5 : "f", 6 : "f", 7 : "f", 8 : "s" }`: {"ftp", "tftp"},
		`counter name tcp dport map { 21 : "f" }`:                                                                nil,
	} {
		inScratch(t, func() {
			run(t, `table ip t {
				ct helper f { type "ftp" protocol tcp; }
				ct helper s { type "tftp" protocol udp; }
				counter f { }
				chain c { type filter hook prerouting priority 0
					`+rule+`
				}
			}`, "-f", "-")
			conn := dial(t)
			config, err := firewall.Chains(foreign(t, conn), conn)
			require.NoError(t, err)
			var have []string
			for _, c := range config.Chains {
				for _, r := range c.Rules {
					for ; r != nil; r = r.Then {
						for _, a := range r.Actions {
							if a.AssignsHelper {
								have = append(have, a.Helper)
							}
						}
					}
				}
			}
			assert.Equal(t, want, have, rule)
		})
	}
}

// TestProxiesByName: a synproxy that is an object takes packets, as one of a rule does. Package exact
// does not understand it.
func TestProxiesByName(t *testing.T) {
	for rule, want := range map[string]bool{
		`tcp dport 21 synproxy mss 1460 wscale 7`:                        true,
		`tcp dport 21 synproxy name "p"`:                                 true,
		`synproxy name tcp dport map { 21 : "p" }`:                       true,
		`tcp dport 21 counter name "p"`:                                  false,
		`counter name tcp dport map { 21 : "p" }`:                        false,
		`tcp dport 21 ct state invalid,untracked synproxy name "p" drop`: true,
	} {
		inScratch(t, func() {
			run(t, `table ip t {
				synproxy p { mss 1460; wscale 7; }
				counter p { }
				chain c { type filter hook input priority 0
					`+rule+`
				}
			}`, "-f", "-")
			conn := dial(t)
			config, err := firewall.Chains(foreign(t, conn), conn)
			require.NoError(t, err)
			var have bool
			for _, c := range config.Chains {
				for _, r := range c.Rules {
					for ; r != nil; r = r.Then {
						for _, a := range r.Actions {
							have = have || a.Kind == oldconfig.Opaque
						}
					}
				}
			}
			assert.Equal(t, want, have, rule)
		})
	}
}
