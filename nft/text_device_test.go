package nft_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/nft"
)

// deviceTable refers to devices by index, in rules and in elements.
const deviceTable = `table ip t {
	set s { type iface_index; elements = { "lo", "eth0", 77 }; }
	set i { type iface_index; flags interval; elements = { 1-5, 7 }; }
	set c { type iface_index . iface_index; elements = { "eth0" . "eth1" }; }
	set ci { type iface_index . inet_service; flags interval; elements = { "eth0" . 21-22 }; }
	set ic { type mark . iface_index; flags interval; elements = { 5-6 . "eth1" }; }
	map m { type iface_index : mark; elements = { "eth0" : 5 }; }
	map d { type mark : iface_index; elements = { 5 : "eth0" }; }
	map v { type iface_index : verdict; elements = { "eth1" : drop }; }
	chain c {
		iif "eth0" oif "eth1" drop
		iif { "lo", "eth0", 77 } drop
		iif 2-77 accept
		iif "eth0" jump { oif "eth1" drop; }
	}
}
`

// TestTextOfDevices: an index is the name of the device as long as there is one, in the namespace
// of the connection.
func TestTextOfDevices(t *testing.T) {
	inScratch(t, func() {
		scratch.Run(t, "", "sh", "-ec", "ip link add eth0 type veth peer name eth1")
		run(t, deviceTable, "-f", "-")
		conn := dial(t)
		check := func(named bool) {
			t.Helper()
			var read nft.Ruleset
			scratch.Do(t, func() { // other devices
				var err error
				read.Tables, err = conn.ReadTables()
				require.NoError(t, err)
			})
			want := deviceLines(list(t, "table", "ip", "t"))
			assert.Equal(t, want, deviceLines(read.String()))
			assert.Equal(t, named, strings.Contains(strings.Join(want, ""), `"eth`))
		}
		check(true)
		scratch.Run(t, "", "ip", "link", "delete", "eth0")
		check(false)
	})
}

// deviceLines returns the elements and the rules of a list. An anonymous chain is on one line.
func deviceLines(list string) []string {
	list = regexp.MustCompile(`jump \{\n\s+(.*)\n\s+\}`).ReplaceAllString(list, "jump { $1; }")
	return regexp.MustCompile(`(?m)(elements =|iif).*$`).FindAllString(list, -1)
}

// TestNamesOfDevicesAreNoDifference: a snapshot before and one after a change of a device's name
// are equal.
func TestNamesOfDevicesAreNoDifference(t *testing.T) {
	inScratch(t, func() {
		scratch.Run(t, "", "sh", "-ec", "ip link add eth0 type veth peer name eth1")
		run(t, deviceTable, "-f", "-")
		conn := dial(t)
		before, err := conn.ReadTables()
		require.NoError(t, err)
		scratch.Run(t, "", "ip", "link", "set", "eth0", "name", "wan")
		after, err := conn.ReadTables()
		require.NoError(t, err)
		assert.Contains(t, (&nft.Ruleset{Tables: after}).String(), `iif "wan" oif "eth1"`)
		assert.Empty(t, nft.Compare(&nft.Ruleset{Tables: before}, &nft.Ruleset{Tables: after}).Changes())
	})
}
