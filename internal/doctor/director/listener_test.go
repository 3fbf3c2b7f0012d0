package director_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestListeners has programs of the director that listen.
func TestListeners(t *testing.T) {
	for _, c := range []struct {
		name, address string
		want          []string
	}{
		{"any address", ":10000", []string{"listeners: a program of the director listens on tcp [::]:10000, a port of cluster ftp"}},
		{"any IPv4 address", "0.0.0.0:21", []string{"listeners: a program of the director listens on tcp 0.0.0.0:21, a port of cluster ftp"}},
		{"the VIP", "198.51.100.21:20000", []string{"listeners: a program of the director listens on tcp 198.51.100.21:20000, a port of cluster ftp"}},
		{"another address", "10.0.0.1:21", nil},
		{"another port", ":22", nil},
		{"loopback", "127.0.0.1:21", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				network := "tcp"
				if c.address[0] == '0' {
					network = "tcp4"
				}
				l, err := net.Listen(network, c.address)
				require.NoError(t, err)
				defer l.Close()
				assert.Equal(t, c.want, texts(examine(t, spec, files(), nil)))
			})
		})
	}
}
