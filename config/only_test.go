package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestManyOnly: at most 16 clusters with only may share VIPs, whether these are the same or
// within each other.
func TestManyOnly(t *testing.T) {
	spec := func(n int, vips string) string {
		var b strings.Builder
		b.WriteString("clusters:\n")
		for i := range n {
			at := vips
			if vips == "" {
				at = fmt.Sprintf("10.0.0.0/%d", 8+i)
			}
			fmt.Fprintf(&b, "  - {name: c%d, mark: %d, vips: [%s], only: {sources: [203.0.113.%d]}, ports: [80], real-servers: [{address: 192.0.2.1}]}\n", i, i+1, at, i)
		}
		return b.String()
	}
	for vips, want := range map[string]string{
		"198.51.100.1":    `VIP 198.51.100.1 with port 80 is also in cluster "c0" (line 2), first at line 2; more than 16 clusters with only share the VIP`,
		"198.51.100.0/24": `VIP 198.51.100.0/24 with port 80 is also in cluster "c0" (line 2), first at line 2; more than 16 clusters with only share the VIP`,
		"":                "VIP 10.0.0.0/24 overlaps VIPs of 16 other clusters with only",
	} {
		parseValid(t, spec(16, vips))
		_, _, err := Parse("spec", strings.NewReader(spec(17, vips)))
		require.Error(t, err)
		assert.Contains(t, err.Error(), want)
		assert.Equal(t, 1, strings.Count(err.Error(), "join some"))
	}
}
