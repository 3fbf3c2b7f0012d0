package nftables

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestByName(t *testing.T) {
	for text, want := range map[string]string{
		"iif eth0 accept":                                               "iifname eth0 accept",
		"iif != \"eth0\" oif lo # iif":                                  "iifname != \"eth0\" oifname lo # iif",
		"iif vmap { eth0 : accept }":                                    "iifname vmap { eth0 : accept }",
		"tcp dport 21 comment \"iif 3\"":                                "tcp dport 21 comment \"iif 3\"",
		"iif eth0\ntcp dport 21":                                        "iifname eth0\ntcp dport 21",
		"meta iif eth0 tcp dport {21}":                                  "meta iifname eth0 tcp dport {21}",
		`{"left":{"meta":{"key":"iif"}},"right":"eth0"}`:                "{\"left\":{\"meta\":{\"key\":\"iifname\"}},\"right\":\"eth0\"}",
		`{"left":{"meta":{"key":"oif"}},"right":{"set":["lo","eth0"]}}`: "{\"left\":{\"meta\":{\"key\":\"oifname\"}},\"right\":{\"set\":[\"lo\",\"eth0\"]}}",
		"iif 3 accept":                                                  "iif 3 accept",
		"iif != 3 drop; iif eth0":                                       "iif != 3 drop; iifname eth0",
		"iif vmap {3 : accept} oif eth1":                                "iif vmap {3 : accept} oifname eth1",
		"iif vmap { eth0 : jump 3, eth1 : drop }":                       "iifname vmap { eth0 : jump 3, eth1 : drop }",
		"meta mark set iif map { eth0 : 3 }":                            "meta mark set iifname map { eth0 : 3 }",
		`{"left":{"meta":{"key":"iif"}},"right":3}`:                     `{"left":{"meta":{"key":"iif"}},"right":3}`,
		`{"left":{"meta":{"key":"iif"}},"right":"eth3"},{"left":{"meta":{"key":"oif"}},"right":{"set":[3,4]}}`: `{"left":{"meta":{"key":"iifname"}},"right":"eth3"},{"left":{"meta":{"key":"oif"}},"right":{"set":[3,4]}}`,
	} {
		got, ok := byName(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"oif { eth0, 3 }", "iif vmap { 3 : accept, eth0 : drop }", `{"left":{"meta":{"key":"iif"}},"right":{"set":["eth0",3]}}`} {
		_, ok := byName(text)
		assert.False(t, ok, text)
	}
}
