package nftables

import "testing"

// FuzzPrepare: what is done to a text ahead of nft does not panic.
func FuzzPrepare(f *testing.F) {
	f.Add("table ip t {\n set d { type iface_index; elements = { \"eth7\", 3 } }\n chain c { iif vmap { 3 : accept } oif != \"a\" # iif\n }\n}")
	f.Add(`{"nftables":[{"rule":{"expr":[{"match":{"left":{"meta":{"key":"iif"}},"right":{"set":["a",3]}}}]}},{"table":{}},3]}`)
	f.Fuzz(func(_ *testing.T, text string) {
		Recognises(text)
		if RecognisesJSON(text) {
			text, _ = inOrder(text)
		}
		_, _ = byName(text)
	})
}
