package nftlist_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/nftlist"
)

const written = `table ip lvsmark {
	map tcp_80 {
		type ipv4_addr : mark
		size 1024
		elements = { 198.51.100.1 : 0x00000001, 198.51.100.2 : 0x00000002,
			     198.51.100.3 : 0x00000003 }
	}

	set masquerade_20 {
		type ipv4_addr
		elements = { 10.0.0.11, 10.0.0.12,
			     10.0.0.13 }
	}

	set bound {
		type mark
		elements = { 0x00000001 comment "a", 0x00000002 comment "b" }
	}
}
`

func TestListedBy(t *testing.T) {
	assert.Equal(t, written, nftlist.Version{1, 0, 9}.ListedBy(written))
	assert.Equal(t, `table ip lvsmark {
	map tcp_80 {
		type ipv4_addr : mark
		size 1024
		elements = { 198.51.100.1 : 0x00000001,
			     198.51.100.2 : 0x00000002,
			     198.51.100.3 : 0x00000003 }
	}

	set masquerade_20 {
		type ipv4_addr
		elements = { 10.0.0.11, 10.0.0.12,
			     10.0.0.13 }
	}

	set bound {
		type mark
		elements = { 0x00000001 comment "a",
			     0x00000002 comment "b" }
	}
}
`, nftlist.Version{1, 1, 3}.ListedBy(written))
}

func TestListedByRawPayload(t *testing.T) {
	const written = "@th,104,8 != 0x10 @th,104,8 & 0x2 == 0x2 @th,104,8 & 0x10 == 0x10\n"
	assert.Equal(t, "@th,104,8 != 16 @th,104,8 & 2 == 2 @th,104,8 & 16 == 16\n", nftlist.Version{0, 9, 8}.ListedBy(written))
	assert.Equal(t, written, nftlist.Version{1, 0, 6}.ListedBy(written))
	assert.Equal(t, "@th,104,8 != 0x10 @th,110,1 0x1 @th,107,1 0x1\n", nftlist.Version{1, 1, 3}.ListedBy(written))
}

func TestUncounted(t *testing.T) {
	assert.Equal(t, "\tset a {\n\t\tsize 1024\n\t}\n", nftlist.Uncounted("\tset a {\n\t\tsize 1024\t# count 12\n\t}\n"))
}

func TestLess(t *testing.T) {
	assert.True(t, nftlist.Version{1, 0, 9}.Less(nftlist.Version{1, 1, 0}))
	assert.False(t, nftlist.Version{1, 1, 0}.Less(nftlist.Version{1, 0, 9}))
	assert.False(t, nftlist.Version{1, 1, 0}.Less(nftlist.Version{1, 1, 0}))
	assert.Equal(t, "1.0.9", nftlist.Version{1, 0, 9}.String())
}
