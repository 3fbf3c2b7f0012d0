// Package nft is the target of `lvsmark render` for nft(8).
package nft

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/nft"
)

// Target renders the nftables tables that apply installs.
func Target() render.Target {
	return render.Target{
		Name:    "nft",
		Summary: "the nftables ruleset, as nft -f reads it",
		Long: `Render nft prints the nftables tables of the spec as nft -f reads them: those
that apply installs.`,
		Example: `  lvsmark render nft | nft -c -f -`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			return nft.Compile(spec).String(), nil
		},
	}
}
