package lvsmark

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/xtables"
	"github.com/lvsmark/lvsmark/nft"
)

// Warnings names rules of other programs that keep packets of the spec from their mark or
// from IPVS. An error of reading them does not prevent apply: it is a warning too.
func (k *netnsKernel) Warnings(spec *config.Spec) []string {
	found, err := findings(spec)
	warnings := firewall.Warnings(found)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the tables of others could not be checked for what keeps packets from lvsmark: %v", err))
	}
	for _, v := range xtables.WithRules() {
		warnings = append(warnings, fmt.Sprintf("%s has rules (table %s), which lvsmark does not read: `%s-save` shows whether they set marks or take packets to the VIPs",
			v.Program, strings.Join(v.Tables, ", "), v.Program))
	}
	for i, warning := range warnings {
		warnings[i] = printable.Line(warning)
	}
	return warnings
}

// findingTries bounds how often the tables of others are read anew because they change
// meanwhile: large ones take their time, and a warning can wait.
const findingTries = 10

// findings has a connection of its own: one that failed in the middle of an
// answer is good for nothing else.
func findings(spec *config.Spec) (found []*firewall.Finding, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = conn.ReadConsistently(findingTries, func(uint32) error {
		tables, err := conn.Foreign()
		if err == nil {
			found, err = firewall.Findings(spec, tables, conn)
		}
		return err
	})
	return found, err
}
