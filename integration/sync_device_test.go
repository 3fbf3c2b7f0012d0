package integration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestSyncDeviceReplaced deletes the link between two directors while their sync daemons run, and
// creates it again: diff and status report the daemons until apply has restarted them, and then the
// second director receives connections again.
func TestSyncDeviceReplaced(t *testing.T) {
	for name, c := range map[string]struct{ group, first, second string }{
		"IPv4": {"224.0.0.81", "both", "both"},
		"IPv6": {"ff02::81", "master", "backup"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSyncLab(t)
			specs := [2]string{
				"role: " + c.first + ", device: pair, id: 1, group: '" + c.group + "'",
				"role: " + c.second + ", device: pair, id: 1, group: '" + c.group + "'",
			}
			s.addPairLink()
			for i, spec := range specs {
				s.apply(i, spec)
				s.differs(i, spec, "")
			}
			s.mustBeKnown()

			_, err := s.hosts[0].Run("ip", "link", "del", "pair")
			require.NoError(t, err)
			for i, spec := range specs {
				s.differs(i, spec, "device pair does not exist")
				_, err := s.lvsmark(i, spec, "apply")
				assert.ErrorContains(t, err, "sync device pair: ")
			}

			s.addPairLink()
			for i, spec := range specs {
				s.differs(i, spec, "belong to the device with index ")
				assert.Len(t, s.apply(i, spec), map[string]int{"both": 2, "master": 1, "backup": 1}[[]string{c.first, c.second}[i]])
				s.differs(i, spec, "")
			}
			s.mustBeKnown()
		})
	}
}

// addPairLink connects the directors by devices of the name pair, with other indexes than a former
// link.
func (s *syncLab) addPairLink() {
	s.t.Helper()
	_, err := s.hosts[0].Run("ip", "link", "add", "pair", "type", "veth", "peer", "name", "pair", "netns", s.hosts[1].NetNS)
	require.NoError(s.t, err)
	for i, h := range s.hosts {
		for _, command := range [][]string{
			{"link", "set", "pair", "up"},
			{"address", "add", []string{"192.0.2.129/25", "192.0.2.130/25"}[i], "dev", "pair"},
			{"address", "add", []string{"2001:db8:7::1/64", "2001:db8:7::2/64"}[i], "dev", "pair", "nodad"},
		} {
			_, err := h.Run("ip", command...)
			require.NoError(s.t, err)
		}
	}
	for _, h := range s.hosts { // the link-local address is the source to ff02::/16
		require.Eventually(s.t, func() bool {
			out, err := h.Run("ip", "-6", "-oneline", "address", "show", "dev", "pair", "scope", "link", "-tentative")
			return err == nil && out != ""
		}, successTimeout, 20*time.Millisecond)
	}
}

// differs asserts that diff reports the difference, and that status counts it; empty: none.
func (s *syncLab) differs(director int, sync, difference string) {
	s.t.Helper()
	for verb, want := range map[string]string{"diff": difference, "status": "of settings (`lvsmark diff` lists them)"} {
		out, err := s.lvsmark(director, sync, verb)
		if difference == "" {
			assert.NoError(s.t, err, out)
			assert.Contains(s.t, out, "no difference")
		} else {
			assert.ErrorContains(s.t, err, "exit status 1", out)
			assert.Contains(s.t, out, want)
		}
	}
}

// mustBeKnown opens a connection that the second director must get to know.
func (s *syncLab) mustBeKnown() {
	s.t.Helper()
	from := s.client()
	s.mustConnect(lab.VIP(config.IPv4), syncPort, from)
	require.Eventually(s.t, func() bool { return s.isKnown(from) }, successTimeout, 20*time.Millisecond)
}
