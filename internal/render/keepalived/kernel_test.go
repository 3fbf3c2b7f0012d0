package keepalived_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/daemon"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestServices: keepalived with the text creates the services that apply creates.
func TestServices(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "keepalived")
	for seed := range uint64(6) {
		spec := specgen.Spec(rand.New(rand.NewPCG(seed, 7)))
		spec.Director.Bind = true
		want := daemon.Saved(ipvs.Text(ipvs.Compile(spec)))
		text := rendered(t, spec, "")
		scratch.Do(t, func() {
			scratch.Run(t, "", "ip", "link", "set", "lo", "up")
			assert.Equal(t, want, daemon.Keepalived(t, text, want), text)
		})
	}
}
