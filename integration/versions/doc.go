// Package versions tests lvsmark with the nft in PATH. `integration/run nft-versions`
// runs it with several versions.
package versions
