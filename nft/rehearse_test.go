package nft

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// TestVerifyListed: a missing object of each kind is an error.
func TestVerifyListed(t *testing.T) {
	compile := func() *Ruleset {
		spec, _, err := config.Parse("spec.yaml", strings.NewReader("{clusters: [{name: a, mark: 5, vips: [192.0.2.1, \"2001:db8::1\"], ftp: , real-servers: [{address: 10.0.0.1}, {address: \"fd00::1\"}]}]}"))
		require.NoError(t, err)
		return Compile(spec)
	}
	require.NoError(t, compile().verifyListed(compile()))
	for name, remove := range map[string]func(*Ruleset){
		"table":   func(r *Ruleset) { r.Tables = r.Tables[:1] },
		"set":     func(r *Ruleset) { r.Tables[1].Sets = r.Tables[1].Sets[1:] },
		"element": func(r *Ruleset) { r.Tables[0].Sets[0].Elements = nil },
		"chain":   func(r *Ruleset) { r.Tables[1].Chains = r.Tables[1].Chains[1:] },
		"rule":    func(r *Ruleset) { r.Tables[0].Chains[0].Rules = r.Tables[0].Chains[0].Rules[1:] },
	} {
		listed := compile()
		remove(listed)
		assert.ErrorContains(t, compile().verifyListed(listed), "rehearsal: the kernel ", name)
	}
}
