// Package nft is the target of `lvsmark render` for nft(8).
package nft

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/nft"
)

// Target renders the nftables tables that apply creates.
func Target() render.Target {
	return render.Target{
		Name:    "nft",
		Summary: "nftables ruleset for nft -f",
		Long: `Render nft prints the nftables tables that apply creates, in the format of
nft -f.`,
		Example: `  lvsmark render nft | nft -c -f -`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			return nft.Compile(spec).String(), nil
		},
	}
}
