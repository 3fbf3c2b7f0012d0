package draft

import "github.com/lvsmark/lvsmark/internal/oldconfig"

// mayVisit returns how many rules a walk visits at most: chains that jump to others several times
// multiply them.
func mayVisit(chains []*oldconfig.Chain) int {
	count := 1 << 16
	for _, c := range chains {
		const often = 8
		count += often * len(c.Rules)
	}
	return count
}
