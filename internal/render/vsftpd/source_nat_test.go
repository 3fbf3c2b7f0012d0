package vsftpd_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestFragmentOfSourceNAT: what active data needs with source-nat is a comment, because it is
// for anonymous users only.
func TestFragmentOfSourceNAT(t *testing.T) {
	const lines = "#   port_promiscuous=YES\n#   one_process_model=YES\n"
	assert.NotContains(t, fragment(t, cluster(nil)), "source-nat")
	for _, to := range []config.SourceNAT{config.SourceNATMasquerade, config.SourceNATToVIP} {
		assert.Contains(t, fragment(t, cluster(func(c *config.Cluster) { c.SourceNAT = to })), lines)
	}
}
