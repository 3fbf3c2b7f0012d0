package lvsmark

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// blockedBy asserts that plan and apply of the spec report these lines, and that apply
// changes nothing.
func (w *fakeWorld) blockedBy(spec string, lines ...string) {
	w.t.Helper()
	p, err := w.plan(w.t.Context(), spec, Options{})
	require.NoError(w.t, err)
	var text strings.Builder
	for _, line := range lines {
		assert.Contains(w.t, p.Warnings(), "apply would fail: "+line)
		text.WriteString(line + "\n")
	}
	assert.EqualError(w.t, p.Refused(), text.String()+"nothing was changed")
	w.Before = func(call string) error {
		assert.Fail(w.t, "blocked, but: "+call)
		return nil
	}
	_, err = w.carryOut(w.t.Context(), p)
	assert.EqualError(w.t, err, text.String()+"nothing was changed")
	w.Before = nil
}

// TestReadOnlySysctls: an apply or delete that would set sysctls below a read-only
// /proc/sys changes nothing. One that sets none succeeds.
func TestReadOnlySysctls(t *testing.T) {
	w := newFakeWorld(t)
	w.ReadOnly = true
	w.blockedBy(unboundSpec,
		"set sysctl net.ipv4.ip_default_ttl: read-only file system: in a container, set it on the host, in this network namespace (`sysctl -w \"net.ipv4.ip_default_ttl=63\"`), or leave it out of the spec",
		"set sysctl net.ipv4.ip_forward: read-only file system: in a container, set it on the host, in this network namespace (`sysctl -w \"net.ipv4.ip_forward=1\"`), or leave it out of the spec (director.ip-forward: false)",
		"set sysctl net.ipv6.conf.all.forwarding: read-only file system: in a container, set it on the host, in this network namespace (`sysctl -w \"net.ipv6.conf.all.forwarding=1\"`), or leave it out of the spec (director.ip-forward: false)",
	)
	w.applied(vipSpec) // sets nothing
	w.settled(vipSpec)
	w.applied("")

	w.ReadOnly = false
	w.applied(unboundSpec)
	w.ReadOnly = true
	w.settled(unboundSpec)
	const back = ": it was changed by an apply, and would be put back; in a container, set it on the host, in this network namespace (`sysctl -w \""
	w.blockedBy("",
		"set sysctl net.ipv4.ip_default_ttl: read-only file system"+back+"net.ipv4.ip_default_ttl=64\"`)",
		"set sysctl net.ipv4.ip_forward: read-only file system"+back+"net.ipv4.ip_forward=0\"`)",
		"set sysctl net.ipv6.conf.all.forwarding: read-only file system"+back+"net.ipv6.conf.all.forwarding=0\"`)",
	)
	w.ReadOnly = false
	w.AsOtherProcess(func() {
		for name, value := range map[string]string{"net.ipv4.ip_default_ttl": "64", "net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0"} {
			require.NoError(t, w.WriteSetting(name, value))
		}
	})
	w.ReadOnly = true
	w.applied("")
}

// TestDrainBlocked: with --drain and --fail-on, a blocked apply changes nothing either.
func TestDrainBlocked(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(boundSpec)
	w.ReadOnly = true
	before := w.String()
	_, err := w.apply(t.Context(), "", Options{Drain: 1, FailOn: "cuts"})
	require.ErrorContains(t, err, "read-only file system")
	assert.Equal(t, before, w.String())
}

// TestIPv6Disabled: an IPv6 VIP on a device on which IPv6 is disabled is found before
// anything is changed, unless the spec enables IPv6.
func TestIPv6Disabled(t *testing.T) {
	w := newWorld(t)
	w.run("sysctl", "-qw", "net.ipv6.conf.vip0.disable_ipv6=1")
	before := w.state()
	p := w.plan(parse(t, vipSpec))
	const reason = "add address 2001:db8::21 on vip0: IPv6 is disabled on the device: `sysctl -w net/ipv6/conf/vip0/disable_ipv6=0` enables it"
	assert.Contains(t, p.Warnings(), "apply would fail: "+reason)
	_, err := Apply(t.Context(), p)
	require.EqualError(t, err, reason+"\nnothing was changed")
	assert.Equal(t, before, w.state())
	w.apply(parse(t, vipSpec[:len(vipSpec)-2]+", sysctls: {net.ipv6.conf.vip0.disable_ipv6: 0}}\n"))
	assert.Contains(t, w.state(), "2001:db8::21")
}
