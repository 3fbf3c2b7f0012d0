package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWithoutAnswerRules: the ruleset itself is not changed.
func TestWithoutAnswerRules(t *testing.T) {
	r := Compile(parseText(t, "clusters:\n  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}\n"))
	before := r.String()
	require.Contains(t, before, "socket")
	assert.NotContains(t, r.WithoutAnswerRules().String(), "socket")
	assert.Equal(t, before, r.String())
}
