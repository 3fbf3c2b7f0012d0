package lookup

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

func TestUnknown(t *testing.T) {
	assert.EqualError(t, Unknown("the spec has no cluster", "a\n", nil), `the spec has no cluster "a\n"`)
	assert.EqualError(t, Unknown("the spec has no cluster", "a", []string{"b"}), `the spec has no cluster "a": it has b`)
	assert.EqualError(t, Unknown("the spec has no cluster", "a", []string{"b", "c", "d", "e"}), `the spec has no cluster "a": it has b, c, d, e`)
	assert.EqualError(t, Unknown("the spec has no cluster", "a", []string{"b", "c", "d", "e", "f"}), `the spec has no cluster "a": it has b, c, d, e and 1 more`)
}

func TestNames(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.2")
	clusters := []config.Cluster{
		{Name: "ftp", RealServers: []config.RealServer{{Name: "b", Address: address}, {Address: address}}},
		{Name: "web", RealServers: []config.RealServer{{Name: "a"}, {Name: "b"}}},
	}
	assert.Equal(t, []string{"ftp", "web"}, Clusters(clusters))
	assert.Equal(t, []string{"b", "10.0.0.2", "a"}, Servers(clusters))
}
