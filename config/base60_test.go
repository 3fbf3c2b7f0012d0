package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBase60: an address that YAML 1.1 reads as a number of base 60 must be in quotes; others need
// none.
func TestBase60(t *testing.T) {
	const text = `clusters: [{name: ftp, mark: 21, vips: ["2001:db8::1"], only: {except-macs: [MAC]}, ftp: , real-servers: [{address: SERVER}]}]
`
	for _, c := range []struct{ mac, server, want string }{
		{"12:34:56:07:08:09", `"fd00::1"`, `Ethernet address 12:34:56:07:08:09 is a number of base 60 for some programs; write it in quotes: "12:34:56:07:08:09"`},
		{`"02:00:00:00:00:02"`, "2001:10:20:30:40:50:10:20", `address 2001:10:20:30:40:50:10:20 is a number of base 60 for some programs; write it in quotes: "2001:10:20:30:40:50:10:20"`},
		{`"12:34:56:07:08:09"`, `"2001:10:20:30:40:50:10:20"`, ""},
		{"02:34:56:07:08:09", "2001:10:20:30:40:50:10:60", ""},
		{"12:34:56:07:08:0a", "fd00:10:20:30:40:50:10:20", ""},
	} {
		_, _, err := Parse("spec", strings.NewReader(strings.NewReplacer("MAC", c.mac, "SERVER", c.server).Replace(text)))
		if c.want == "" {
			assert.NoError(t, err)
			continue
		}
		require.Error(t, err)
		assert.Contains(t, err.Error(), c.want)
	}
}
