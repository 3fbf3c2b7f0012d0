package plainyaml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/internal/plainyaml"
)

// BenchmarkRead prints how many times longer the library takes for a spec of 1,000 clusters with
// 10 real servers.
func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("clusters:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  - name: c%d\n    mark: %d\n    vips: [198.18.%d.%d]\n    ftp:\n    real-servers:\n", i, 1+i, i/256, i%256)
		for j := range 10 {
			fmt.Fprintf(&text, "      - {name: rs%d, address: 10.0.%d.%d}\n", j, i/16, i%16*16+j)
		}
	}
	spec := []byte(text.String())
	var own, library time.Duration
	for b.Loop() {
		began := time.Now()
		require.NotNil(b, plainyaml.Read(spec))
		own += time.Since(began)
		began = time.Now()
		var document yaml.Node
		require.NoError(b, yaml.Unmarshal(spec, &document))
		library += time.Since(began)
	}
	b.ReportMetric(float64(library)/float64(own), "library/Read")
}
