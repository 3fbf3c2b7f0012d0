package nft

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/thread"
)

// rehearseAllElements commits every element, without a sample.
func rehearseAllElements(t *testing.T, r *Ruleset) *Ruleset {
	t.Helper()
	var listed *Ruleset
	var err error
	thread.Run(func() { listed, err = rehearseInNewNamespace(r, 0) })
	require.NoError(t, err)
	return listed
}

// TestSample compares the result of a sample with the kernel's list of all elements, for the
// examples, random specs and a large spec.
func TestSample(t *testing.T) {
	need.NFTables(t)
	specs := map[string]*config.Spec{"large": largeSpec(t, 3000, 6)}
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		specs[file] = parseText(t, string(text))
	}
	for seed := range uint64(60) {
		specs[fmt.Sprintf("seed %d", seed)] = specgen.Spec(rand.New(rand.NewPCG(seed, 4)))
	}
	for name, spec := range specs {
		compiled := Compile(spec)
		rehearsed, err := Rehearse(compiled)
		require.NoError(t, err, name)
		assert.Equal(t, rehearseAllElements(t, compiled), rehearsed, name)
	}
}

// TestSampleIsSmall: the sample does not grow with the number of elements.
func TestSampleIsSmall(t *testing.T) {
	for _, clusters := range []int{2, 6} { // with two sets of ports, and with a chain for each set
		compiled := Compile(largeSpec(t, 3000, clusters))
		sampled, all := 0, 0
		sample := compiled.sampled()
		for i, s := range compiled.Tables[0].Sets {
			all += len(s.Elements)
			sampled += len(sample.Tables[0].Sets[i].Elements)
		}
		assert.Greater(t, all, 3000)
		assert.Less(t, sampled, 60)
	}
}

// TestSampleReportsConflicts: the kernel still refuses elements because of other elements.
func TestSampleReportsConflicts(t *testing.T) {
	need.NFTables(t)
	for refusal, breakSet := range map[string]func(*Set){
		"file exists": func(s *Set) { s.Elements = append(s.Elements, Element{s.Elements[7].Key, valueRest(markBytes(9))}) },
		"too many":    func(s *Set) { s.Size = 100 },
	} {
		compiled := Compile(largeSpec(t, 300, 1))
		breakSet(compiled.Tables[0].Sets[0])
		_, err := Rehearse(compiled)
		require.ErrorContains(t, err, refusal)
		assert.ErrorContains(t, err, "elements of map ip lvsmark tcp_21_10000")
	}
}

// TestSampleUnusable: if the kernel lists an element in another form, the sample is not used.
func TestSampleUnusable(t *testing.T) {
	compiled := Compile(largeSpec(t, 300, 1))
	sample := compiled.sampled()
	_, ok := compiled.sampled().withAllElements(compiled, sample)
	assert.True(t, ok)
	list := compiled.sampled()
	list.Tables[0].Sets[0].Elements[0].Rest += string(netlink.AppendBigEndian32(nil, 77, 0))
	_, ok = list.withAllElements(compiled, sample)
	assert.False(t, ok)
}

// largeSpec returns a spec with that many VIPs in clusters with different ports.
func largeSpec(t *testing.T, vips, clusters int) *config.Spec {
	t.Helper()
	vip := netip.MustParseAddr("10.64.0.1")
	var text strings.Builder
	text.WriteString("clusters:\n")
	for i := range clusters {
		fmt.Fprintf(&text, "- {name: c%d, mark: %d, ftp: {passive-ports: 10000-%d}, real-servers: [{address: 10.1.0.%d}], vips: [", i, i+1, 10000+i, i+1)
		for range vips / clusters {
			fmt.Fprintf(&text, "%s, ", vip)
			vip = vip.Next()
		}
		text.WriteString("]}\n")
	}
	return parseText(t, text.String())
}

func parseText(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	require.NoError(t, err)
	return spec
}
