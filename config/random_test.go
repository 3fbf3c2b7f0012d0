package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The sorted scans of check find a mistake exactly if comparing every pair finds
// one. The random specs choose from few values, so that clusters often conflict.
func TestCheckAgainstPairs(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted, rejected := 0, 0
	for range 1000 {
		text := randomSpec(random)
		report := &report{file: "f"}
		file := (&decoder{report: report, mappingsWith: mappingsWith}).file(readDocument([]byte(text), report))
		require.NoError(t, report.err(), text)
		spec := check(file, report)
		pairs := &recorder{}
		assertValid(pairs, spec)
		if pairs.failures == nil {
			accepted++
		} else {
			rejected++
		}
		require.Equal(t, pairs.failures == nil, report.err() == nil, "by pairs: %v\nby check: %v\n%s", pairs.failures, report.err(), text)
	}
	assert.Greater(t, accepted, 100)
	assert.Greater(t, rejected, 100)
}

// A recorder records failed assertions without failing the test.
type recorder struct{ failures []string }

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func randomSpec(random *rand.Rand) string {
	var text strings.Builder
	text.WriteString("clusters:\n")
	for i := range 2 + random.IntN(2) {
		vips, servers := randomAddresses(random, i)
		fmt.Fprintf(&text, "- name: c%d\n  mark: %d\n  vips: [%s]\n", i+random.IntN(50)/49, 1+i+random.IntN(20)/19, vips)
		fmt.Fprintf(&text, "  real-servers: [%s]\n  %s\n", servers, randomBody(random))
	}
	return text.String()
}

func randomAddresses(random *rand.Rand, cluster int) (vips, servers string) {
	var addresses, backends []string
	for i := range 1 + random.IntN(2) {
		addresses = append(addresses, fmt.Sprintf("192.0.2.%d", 1+cluster+i+random.IntN(8)/7))
		backends = append(backends, fmt.Sprintf("{address: 10.0.%d.%d}", random.IntN(2), 10*i+random.IntN(6)))
	}
	if random.IntN(4) == 0 {
		addresses = append(addresses, fmt.Sprintf("2001:db8::%d", 1+cluster))
	}
	if len(addresses) > 2 || random.IntN(40) == 0 {
		backends = append(backends, fmt.Sprintf("{address: 'fd00::%d'}", random.IntN(6)+1))
	}
	if random.IntN(60) == 0 {
		backends = append(backends, "{address: 192.0.2.1}")
	}
	return strings.Join(addresses, ", "), strings.Join(backends, ", ")
}

func randomBody(random *rand.Rand) string {
	pick := func(choices ...string) string { return choices[random.IntN(len(choices))] }
	if random.IntN(3) == 0 {
		return "ports: [" + pick("80", "21", "udp/21", "20-30", "15000", "1-65535") + "]"
	}
	return fmt.Sprintf("ftp: {control-ports: [%s], passive-ports: %s, active-data: {translate: %s%s, ports: [%s]}}",
		pick("21", "990", "21, 990"), pick("10000-20000", "30000-40000", "35000-50000", "1024-65535"),
		pick("masquerade", "masquerade", "snat", "none"),
		pick("", "", "", ", source: 10.0.0.0/24", ", source: 10.0.1.0/24", ", source: 10.0.0.1", ", source: [10.0.0.0/16]", ", source: [10.0.0.0/30, 10.0.0.4/30]"),
		pick("20", "989", "20, 989"))
}
