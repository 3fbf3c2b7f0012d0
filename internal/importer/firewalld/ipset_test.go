package firewalld_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/firewalld"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
)

// TestLoadSet: rules test the elements of a file of firewalld under the name of the file.
func TestLoadSet(t *testing.T) {
	text, err := os.ReadFile("testdata/ipset.xml")
	require.NoError(t, err)
	read := func(name, set string) string {
		c, err := iptables.ReadSaveWith("rules", "*mangle\n-A PREROUTING -m set --match-set vips dst -j MARK --set-mark 21\nCOMMIT\n", func(r *iptables.Ruleset) {
			firewalld.LoadSet(name, set, r)
		})
		require.NoError(t, err)
		return dump.Config(c) + dump.Chains(c)
	}
	assert.Contains(t, read("/etc/firewalld/ipsets/vips.xml", string(text)), "daddr=198.51.100.21,198.51.100.32-198.51.100.47 -> mark&0x0^0x15")
	assert.Contains(t, read("other.xml", string(text)), "no file creates set vips")
	assert.Contains(t, read("vips.xml", `<ipset type="hash:ip"><option name="timeout" value="60"/></ipset>`), "its elements expire")
	assert.Contains(t, read("vips.xml", `<ipset`), "the set is not understood")
	assert.True(t, firewalld.IsSet(string(text)))
	assert.False(t, firewalld.IsSet("<zone/>"))
}
