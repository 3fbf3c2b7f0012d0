package value_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/importer/value"
)

func TestEndpoint(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "10.0.0.1:21": "10.0.0.1 21", "10.0.0.1:ftp": "10.0.0.1 21", "10.0.0.1:0": "10.0.0.1 0",
		"[fd00::1]:21": "fd00::1 21", "fd00::1": "fd00::1",
		// refused:
		"": "", "10.0.0.1:": "", "10.0.0.1:x": "", "10.0.0.1:65536": "", "10.0.0.1:-1": "", "10.0.0.1:+1": "",
		"010.0.0.1": "", "host:21": "", "[10.0.0.1]:21": "", "fd00::1%eth0": "", "::ffff:10.0.0.1": "", "[fd00::1]": "", "[fd00::1:21": "",
	} {
		got := ""
		if addr, port, hasPort, ok := value.Endpoint(text); ok {
			got = addr.String()
			if hasPort {
				got += fmt.Sprint(" ", port)
			}
		}
		assert.Equal(t, want, got, text)
	}
}

func TestNetmask(t *testing.T) {
	for text, want := range map[string]string{
		"255.255.255.255": "32 0", "255.255.0.0": "16 0", "0.0.0.0": "0 0", "255.0.255.0": "0 ff00ff00",
		"24": "0 18", "4294967040": "24 0", "4294967296": "", "255.255.0": "", "ffff::": "", "": "",
	} {
		got := ""
		if length, raw, ok := value.Netmask(text); ok {
			got = fmt.Sprintf("%d %x", length, raw)
		}
		assert.Equal(t, want, got, text)
	}
}
