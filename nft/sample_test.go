package nft

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// rehearseAllElements commits every element, whatever a sample would tell.
func rehearseAllElements(t *testing.T, r *Ruleset) *Ruleset {
	t.Helper()
	var whole *Ruleset
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		whole, err = rehearseInNewNamespace(r, 0)
	}()
	<-done
	require.NoError(t, err)
	return whole
}

// TestSample compares what a sample tells with what the kernel lists of all
// elements: of the examples, of random specs, and of a large one.
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

// TestSampleIsSmall: a large map costs the rehearsal no more than a small one.
func TestSampleIsSmall(t *testing.T) {
	for _, clusters := range []int{2, 6} { // with two sets of ports, and with a chain for each set
		compiled := Compile(largeSpec(t, 3000, clusters))
		given, whole := 0, 0
		sample := compiled.sampled()
		for i, s := range compiled.Tables[0].Sets {
			whole += len(s.Elements)
			given += len(sample.Tables[0].Sets[i].Elements)
		}
		assert.Greater(t, whole, 3000)
		assert.Less(t, given, 60)
	}
}

// TestSampleLeavesToTheKernel what it refuses of elements for the sake of others.
func TestSampleLeavesToTheKernel(t *testing.T) {
	need.NFTables(t)
	for refusal, spoil := range map[string]func(*Set){
		"file exists": func(s *Set) { s.Elements = append(s.Elements, Element{s.Elements[7].Key, valueRest(markBytes(9))}) },
		"too many":    func(s *Set) { s.Size = 100 },
	} {
		compiled := Compile(largeSpec(t, 300, 1))
		spoil(compiled.Tables[0].Sets[0])
		_, err := Rehearse(compiled)
		require.ErrorContains(t, err, refusal)
		assert.ErrorContains(t, err, "elements of map ip lvsmark tcp_21_10000")
	}
}

// TestSampleDistrusts a kernel that does not list an element as it got it: then
// all of them are rehearsed.
func TestSampleDistrusts(t *testing.T) {
	compiled := Compile(largeSpec(t, 300, 1))
	sample := compiled.sampled()
	_, ok := compiled.sampled().withAllElements(compiled, sample)
	assert.True(t, ok)
	list := compiled.sampled()
	list.Tables[0].Sets[0].Elements[0].Rest += string(netlink.AppendBigEndian32(nil, 77, 0))
	_, ok = list.withAllElements(compiled, sample)
	assert.False(t, ok)
}

// largeSpec has so many VIPs in so many clusters, each of other ports.
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
