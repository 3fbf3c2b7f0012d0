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
	} {
		got, ok := byName(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"iif 3 accept", "iif != 3", "oif { eth0, 3 }", "iif vmap {3 : accept}", `{"left":{"meta":{"key":"iif"}},"right":3}`} {
		_, ok := byName(text)
		assert.False(t, ok, text)
	}
}
