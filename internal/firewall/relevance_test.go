package firewall

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/nft"
)

// TestRelevantKeys: only keys that packets of the space can have are kept.
func TestRelevantKeys(t *testing.T) {
	single := newSpace(nft.IPv4, spaceOf(nft.IPv4, "10.0.0.0").ports) // TCP and UDP, ports 0 to 8
	single.setAddresses([]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.3")})
	to, at, over := value{kind: address, size: 4}, value{kind: port, size: 2}, value{kind: protocol, size: 1}
	masked := to.changed(func(b []byte) []byte { return []byte{10, 0, 0, b[3] &^ 1} })
	for _, c := range []struct {
		name   string
		fields []value
		keys   interval
		want   bool
	}{
		{"an address", []value{to}, interval{[]byte{10, 0, 0, 1}, []byte{10, 0, 0, 1}}, true},
		{"another address", []value{to}, interval{[]byte{10, 0, 0, 2}, []byte{10, 0, 0, 2}}, false},
		{"addresses", []value{to}, interval{[]byte{10, 0, 0, 2}, []byte{10, 0, 0, 3}}, true},
		{"a masked address", []value{masked}, interval{[]byte{10, 0, 0, 2}, []byte{10, 0, 0, 2}}, true},
		{"a port", []value{at}, interval{[]byte{0, 8}, []byte{0, 8}}, true},
		{"another port", []value{at}, interval{[]byte{0, 9}, []byte{0, 9}}, false},
		{"a protocol", []value{over}, interval{[]byte{6}, []byte{6}}, true},
		{"another protocol", []value{over}, interval{[]byte{7}, []byte{7}}, false},
		{"both", []value{to, at}, interval{[]byte{10, 0, 0, 1, 0, 8}, []byte{10, 0, 0, 1, 0, 8}}, true},
		{"one of both", []value{to, at}, interval{[]byte{10, 0, 0, 1, 0, 9}, []byte{10, 0, 0, 1, 0, 9}}, false},
		{"a short key", []value{to, at}, interval{[]byte{10, 0, 0, 1, 9}, []byte{10, 0, 0, 1, 0, 9}}, true},
		{"a short end", []value{to, at}, interval{[]byte{10, 0, 0, 1, 0, 9}, []byte{10, 0, 0, 1, 9}}, true},
		{"something unknown", []value{opaqueValue("x", 1)}, interval{[]byte{7}, []byte{7}}, true},
	} {
		i := indexer{space: single, fields: c.fields}
		assert.Equal(t, c.want, i.isRelevant(c.keys), c.name)
	}
}
