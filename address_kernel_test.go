package lvsmark

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// TestNeighborsLearn: a host that knows the VIPs by the address of another director sends
// to this one after an apply that adds them, after a rollback, and after a restored
// checkpoint.
func TestNeighborsLearn(t *testing.T) {
	w := newWorld(t)
	peer := &world{t: t, ns: w.ns + "-peer"}
	out, err := exec.Command("ip", "netns", "add", peer.ns).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", peer.ns).Run() })
	w.run("ip", "link", "set", "vip1", "netns", peer.ns)
	peer.run("ip", "address", "add", "198.51.100.9/24", "dev", "vip1")
	peer.run("ip", "address", "add", "2001:db8::9/64", "dev", "vip1", "nodad")
	peer.run("ip", "link", "set", "vip1", "up")

	const other = "02:00:00:00:00:99"
	mac := w.run("cat", "/sys/class/net/vip0/address")[:len(other)]
	forget := func() {
		for _, vip := range []string{"198.51.100.21", "2001:db8::21"} {
			peer.run("ip", "neigh", "replace", vip, "lladdr", other, "dev", "vip1", "nud", "reachable")
		}
	}
	learned := func() {
		t.Helper()
		for _, vip := range []string{"198.51.100.21", "2001:db8::21"} {
			require.Eventually(t, func() bool {
				return assert.ObjectsAreEqual(mac, neighborOf(peer, vip))
			}, time.Minute, 10*time.Millisecond, vip)
		}
	}
	forget()
	w.apply(parse(t, unboundSpec))
	learned()

	checkpoint, err := Capture(t.Context(), w.options())
	require.NoError(t, err)
	w.remove()
	forget()
	_, err = checkpoint.Restore(t.Context())
	require.NoError(t, err)
	learned()

	forget()
	w.inEngine(w.options(), func(e *engine) error {
		s := eachStep("remove VIP addresses", w.plan(parse(t, unboundSpec)).desired.addresses, e.removeAddress())
		require.NoError(t, s.do())
		_, failure := s.undo()
		require.NoError(t, failure)
		return nil
	})
	learned()
}

// neighborOf returns the link-layer address of a neighbor: "198.51.100.21 lladdr
// 02:00:00:00:00:99 STALE".
func neighborOf(peer *world, ip string) string {
	var address, mac, state string
	_, _ = fmt.Sscan(peer.run("ip", "neigh", "show", ip, "dev", "vip1"), &address, &state, &mac)
	return mac
}

// TestLifetimeInKernel: diff shows that VIPs of lvsmark have a lifetime, apply removes it, a
// checkpoint restores it.
func TestLifetimeInKernel(t *testing.T) {
	w := newWorld(t)
	spec := parse(t, unboundSpec)
	vips := w.apply(spec).addresses.added
	require.Len(t, vips, 2)
	before := w.state()
	w.inEngine(w.options(), func(e *engine) error {
		return errors.Join(e.SetAddressLifetime(vips[0], hostaddr.Lifetime(time.Hour)), e.SetAddressLifetime(vips[1], hostaddr.Lifetime(time.Hour)))
	})
	assert.Len(t, w.plan(spec).Changes(), 2)
	checkpoint, err := Capture(t.Context(), w.options())
	require.NoError(t, err)
	w.apply(spec)
	assert.Equal(t, before, w.state())
	assert.Empty(t, w.plan(spec).Changes())
	_, err = checkpoint.Restore(t.Context())
	require.NoError(t, err)
	assert.Len(t, w.plan(spec).Changes(), 2)
	w.remove()
	assert.NotContains(t, w.state(), "198.51.100.21")
	assert.NotContains(t, w.state(), "2001:db8::21")
}

// TestLifetimeOfOthers: a VIP that another program added with a lifetime stays after that
// lifetime if the kernel accepts a second address; else it is a warning.
func TestLifetimeOfOthers(t *testing.T) {
	w := newWorld(t)
	spec := parse(t, unboundSpec)
	w.run("ip", "address", "add", "198.51.100.21/24", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600")
	w.run("ip", "address", "add", "2001:db8::21/64", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600", "nodad")
	p := w.apply(spec)
	assert.Len(t, p.addresses.added, 1)
	assert.Contains(t, p.String(), "add address 198.51.100.21 of device vip0 # safe: 198.51.100.21/24 of another program has a lifetime of ")
	assert.Contains(t, p.String(), "warning: VIP 2001:db8::21 on vip0, which another program added, has a lifetime: ")
	assert.Empty(t, w.plan(spec).Changes())
	w.run("ip", "address", "del", "198.51.100.21/24", "dev", "vip0") // as the kernel does at its end
	assert.Empty(t, w.plan(spec).Changes())
	assert.Contains(t, w.state(), "198.51.100.21/32")
	w.run("ip", "address", "add", "198.51.100.21/24", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600")
	w.remove()
	assert.NotContains(t, w.state(), "198.51.100.21/32")
	assert.Contains(t, w.state(), "198.51.100.21/24")
	assert.Contains(t, w.state(), "2001:db8::21/64")
}
