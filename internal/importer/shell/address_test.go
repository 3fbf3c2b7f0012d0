package shell

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAddedAddress(t *testing.T) {
	for command, want := range map[string]string{
		"ip addr add 198.51.100.21/32 dev eth0":               "198.51.100.21 eth0",
		"ip -4 address replace 198.51.100.21 dev eth0:1":      "198.51.100.21 eth0",
		"ip a a dev eth0 198.51.100.21":                       "198.51.100.21 eth0",
		"ip -6 a a 2001:db8::21/128 dev eth0 nodad":           "2001:db8::21 eth0",
		"ip addr del 198.51.100.21/32 dev eth0":               "",
		"ip addr add 198.51.100.21/32 dev":                    "",
		"ip route add 198.51.100.21/32 dev eth0":              "",
		"ip addr":                                             "",
		"ifconfig eth0:1 198.51.100.21 netmask 255.255.255.0": "198.51.100.21 eth0",
		"ifconfig eth0 inet6 add 2001:db8::21/64":             "2001:db8::21 eth0",
		"ifconfig eth0 add 2001:db8::21/64":                   "2001:db8::21 eth0",
		"ifconfig eth0 up":                                    "",
		"ifconfig eth0":                                       "",
		"route add 198.51.100.21 dev eth0":                    "",
	} {
		words := strings.Fields(command)
		address, device, ok := addedAddress(words[0], words[1:])
		got := ""
		if ok {
			got = address.String() + " " + device
		}
		assert.Equal(t, want, got, command)
	}
}
