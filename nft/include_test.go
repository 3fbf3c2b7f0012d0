package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sourcesOf returns the set of a cluster's client networks, as it is compiled.
func sourcesOf(t *testing.T, networks string) *Set {
	t.Helper()
	r := Compile(parseText(t, "clusters:\n  - {name: ftp, mark: 21, vips: [198.51.100.21], only: {sources: ["+networks+
		"]}, ftp: , real-servers: [{address: 10.0.0.11}]}\n"))
	for _, chain := range r.Tables[0].Chains {
		for _, rule := range chain.Rules {
			if mark, ok := r.Tables[0].MarkRule(rule); ok {
				require.NotNil(t, mark.Only.Sources)
				return mark.Only.Sources
			}
		}
	}
	require.FailNow(t, "no rule sets a mark", r.String())
	return nil
}

// TestIncludes compares networks of clients.
func TestIncludes(t *testing.T) {
	wide := sourcesOf(t, "10.0.0.0/24, 10.0.2.0/24, 203.0.113.9")
	for narrow, want := range map[string]bool{
		"10.0.0.0/24, 10.0.2.0/24, 203.0.113.9": true,
		"10.0.0.128/25":                         true,
		"10.0.0.0/25, 10.0.2.7, 10.0.2.9":       true,
		"10.0.0.0/23":                           false,
		"10.0.1.0/24":                           false,
		"10.0.0.7, 10.0.3.0":                    false,
		"203.0.113.8/31":                        false,
		"203.0.114.0/24":                        false,
	} {
		got := Selection{Sources: wide}.Includes(Selection{Sources: sourcesOf(t, narrow)})
		assert.Equal(t, want, got, narrow)
	}
	assert.False(t, Selection{Sources: wide}.Includes(Selection{}), "any source")
	assert.True(t, Selection{}.Includes(Selection{Sources: wide}))
}
