// Package versions has tests of the nft on the PATH, whichever version it is:
// `integration/run nft-versions` runs them with several.
package versions
