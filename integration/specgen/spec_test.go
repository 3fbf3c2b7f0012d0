package specgen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

func random(i int) *rand.Rand { return rand.New(rand.NewPCG(1, uint64(i))) }

// config parses the output of YAML to the same spec.
func TestYAML(t *testing.T) {
	for i := range 60 {
		spec := Spec(random(i))
		text := YAML(spec)
		read, _, err := config.Parse("random.yaml", strings.NewReader(text))
		require.NoError(t, err, text)
		require.Equal(t, spec, read, text)
		require.Equal(t, spec, Spec(random(i)), "the same seed gives the same spec")
	}
}

// If config refuses too many drafts, the generator covers less than it seems to.
func TestDraftsAreMostlyValid(t *testing.T) {
	refused := 0
	const drafts = 200
	for i := range drafts {
		spec := draw(random(i))
		if _, _, err := config.Parse("random.yaml", strings.NewReader(YAML(spec))); err != nil {
			refused++
			t.Log(err)
		}
	}
	assert.Less(t, refused, drafts/10)
}

// The specs have the variety that other tests rely on.
func TestVariety(t *testing.T) {
	var bothFamilies, udp, shared, manyProfiles, ftpAndPorts, snat, largeMark, firstPacket, only, shards int
	for i := range 200 {
		spec := Spec(random(i))
		if spec.Serves(config.IPv4) && spec.Serves(config.IPv6) {
			bothFamilies++
		}
		if spec.Director.Marks == config.FirstPacket {
			firstPacket++
		}
		vips, profiles, hasFTP, hasPorts := map[string]int{}, map[string]bool{}, false, false
		for _, c := range spec.Clusters {
			hasFTP = hasFTP || c.FTP != nil
			hasPorts = hasPorts || c.FTP == nil
			profiles[list(c.MarkedPorts())] = true
			for _, vip := range c.VIPs {
				vips[vip.String()]++
			}
			if strings.Contains(list(c.Ports), "udp") {
				udp++
			}
			if c.FTP != nil && c.FTP.Active != nil && c.FTP.Active.Translate == config.SNAT {
				snat++
			}
			if c.Only != nil {
				only++
			}
			if c.Sharded() {
				shards++
			}
			if c.Mark > 1<<31 {
				largeMark++
			}
		}
		for _, n := range vips {
			if n > 1 {
				shared++
				break
			}
		}
		if len(profiles) >= 3 {
			manyProfiles++
		}
		if hasFTP && hasPorts {
			ftpAndPorts++
		}
	}
	for what, n := range map[string]int{
		"both families": bothFamilies, "UDP": udp, "a shared VIP": shared, "three profiles": manyProfiles,
		"FTP and others": ftpAndPorts, "snat": snat, "a mark of 32 bits": largeMark,
		"first packets": firstPacket, "only": only, "shards": shards,
	} {
		assert.Greater(t, n, 20, what)
	}
}

func TestNear(t *testing.T) {
	changed := 0
	for i := range 60 {
		r := random(i)
		spec := Spec(r)
		before := YAML(spec)
		next := Near(r, spec)
		assert.Equal(t, before, YAML(spec), "Near does not change its argument")
		if YAML(next) != before {
			changed++
		}
	}
	assert.Greater(t, changed, 40)
}
