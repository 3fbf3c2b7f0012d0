package main

import (
	"context"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// drainRecord writes the record of a drained real server, as `lvsmark drain` does, and deletes
// it, as --undo does. Then there is nothing to apply.
func drainRecord(ctx context.Context, s *testbed, d document) error {
	before, err := s.director.Snapshot()
	if err != nil {
		return err
	}
	if len(before.Tables) == 0 { // the first run
		if err := throughEngine(ctx, s, d); err != nil {
			return err
		}
		if before, err = s.director.Snapshot(); err != nil {
			return err
		}
	}
	ledger := before.Ledger()
	ledger.Drained = map[nft.DrainedServer]int{}
	for _, f := range config.Families() {
		for _, b := range d.spec.Bindings(f) {
			server := nft.DrainedServer{Service: nft.BoundMark{Family: f, Mark: b.Mark}, Address: b.RealServers[0].Address, Port: 0}
			ledger.Drained[server] = 1
		}
	}
	for _, ruleset := range []*nft.Ruleset{before.WithLedger(ledger, &before.Ruleset), before.WithLedger(before.Ledger(), &before.Ruleset)} {
		if err := s.director.CommitRuleset(ruleset); err != nil {
			return err
		}
	}
	return throughEngineNoWrite(ctx, s, d)
}
