package firewall

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIsPrefix(t *testing.T) {
	for _, mask := range [][]byte{{0x80}, {0xff}, {0xff, 0xff, 0xf0, 0}, {0xc0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}} {
		assert.True(t, isPrefix(mask), "% x", mask)
	}
	for _, mask := range [][]byte{{}, {0}, {0, 0}, {0x7f}, {0xf1}, {0xff, 0, 0xff}, {0xff, 0x40}, {0xf0, 1}} {
		assert.False(t, isPrefix(mask), "% x", mask)
	}
}
