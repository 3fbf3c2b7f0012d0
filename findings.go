package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// warningsOfTable bounds the warnings about one table: the first names tell where
// to look.
const warningsOfTable = 5

// Warnings says which rules of others keep packets of the spec from their mark or
// from IPVS. That it cannot be found out is no reason not to apply: it is a
// warning too.
func (k *netnsKernel) Warnings(spec *config.Spec) []string {
	found, err := findings(spec)
	warnings := namesOf(found)
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("the tables of others could not be checked for what keeps packets from lvsmark: %v", err))
	}
	return append(warnings, legacyWarnings()...)
}

// findings has a connection of its own: one that failed in the middle of an
// answer is good for nothing else.
func findings(spec *config.Spec) ([]*nft.Finding, error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Findings(spec)
}

func namesOf(found []*nft.Finding) []string {
	var warnings, tables []string
	count := map[string]int{}
	for _, n := range found {
		table := "table " + n.Family.String() + " " + n.Table
		if count[table]++; count[table] == 1 {
			tables = append(tables, table)
		}
		if count[table] <= warningsOfTable {
			warnings = append(warnings, n.String())
		}
	}
	for _, table := range tables {
		if more := count[table] - warningsOfTable; more > 0 {
			warnings = append(warnings, fmt.Sprintf("%s: %d more rules like these", table, more))
		}
	}
	return warnings
}
