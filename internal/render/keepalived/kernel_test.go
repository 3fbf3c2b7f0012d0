package keepalived_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/daemon"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestServicesWithoutWeight: keepalived creates a service whose real servers all have weight 0,
// which keepalived -t refuses, and its real servers stay in it.
func TestServicesWithoutWeight(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "keepalived")
	spec := parse(t, example)
	want := daemon.Saved(ipvs.Text(ipvs.Compile(spec)))
	text := rendered(t, spec, "")
	assert.Contains(t, text, "all real servers have weight 0")
	scratch.Do(t, func() {
		scratch.Run(t, "", "ip", "link", "set", "lo", "up")
		assert.Equal(t, want, daemon.Keepalived(t, text, want), text)
	})
}

// TestServices: keepalived with the text creates the services that apply creates, and sets
// the timeouts.
func TestServices(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm", "keepalived")
	for seed := range uint64(6) {
		spec := specgen.Spec(rand.New(rand.NewPCG(seed, 7)))
		spec.Director.Bind = true
		spec.Director.Timeouts = randomTimeouts(seed)
		want := daemon.Saved(ipvs.Text(ipvs.Compile(spec)))
		text := rendered(t, spec, "")
		scratch.Do(t, func() {
			scratch.Run(t, "", "ip", "link", "set", "lo", "up")
			assert.Equal(t, want, daemon.Keepalived(t, text, want), text)
			if at := spec.Director.Timeouts; at != (config.Timeouts{}) {
				assert.Contains(t, scratch.Run(t, "", "ipvsadm", "-L", "--timeout"),
					fmt.Sprintf(": %.0f %.0f %.0f\n", cmp.Or(at.TCP, 15*time.Minute).Seconds(), cmp.Or(at.TCPFin, 2*time.Minute).Seconds(), cmp.Or(at.UDP, 5*time.Minute).Seconds()))
			}
		})
	}
}
