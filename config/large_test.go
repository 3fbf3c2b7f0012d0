package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkParse shows that time grows linearly with the size of the file, also if
// all clusters share VIPs or real servers.
func BenchmarkParse(b *testing.B) {
	tests := []struct {
		name           string
		clusters, vips int
		shared         bool
	}{
		{"1000 clusters of 100 VIPs", 1000, 100, false},
		{"10000 clusters of 1 VIP", 10000, 1, false},
		{"20000 clusters of 1 VIP", 20000, 1, false},
		{"1000 clusters that share 100 VIPs", 1000, 100, true},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			text := largeSpec(test.clusters, test.vips, test.shared)
			for b.Loop() {
				_, _, err := Parse("f", strings.NewReader(text))
				require.NoError(b, err)
			}
		})
	}
}

func TestParseLarge(t *testing.T) {
	spec, notes, err := Parse("f", strings.NewReader(largeSpec(1000, 100, false)))
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Len(t, spec.Clusters, 1000)
	require.Equal(t, "172.17.134.159", spec.Clusters[999].VIPs[99].String())
}

func largeSpec(clusters, vips int, shared bool) string {
	var text strings.Builder
	text.WriteString("clusters:\n")
	for i := range clusters {
		fmt.Fprintf(&text, "- name: c%d\n  mark: %d\n  vips:\n", i, i+1)
		for j := range vips {
			n := j
			if !shared {
				n += i * vips
			}
			fmt.Fprintf(&text, "  - 172.%d.%d.%d\n", 16+n>>16, n>>8&255, n&255)
		}
		if shared {
			fmt.Fprintf(&text, "  ports: [%d-%d]\n", 10*i+1, 10*i+9)
		} else {
			text.WriteString("  ftp:\n")
		}
		fmt.Fprintf(&text, "  real-servers: [{address: 10.%d.%d.%d}, {address: 10.255.0.1}]\n", i>>16, i>>8&255, i&255)
	}
	return text.String()
}
