package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/nft"
)

// An applyFunc applies a spec to the director.
type applyFunc func(context.Context, *testbed, document) error

// throughEngine applies in this process, as `lvsmark apply` does.
func throughEngine(ctx context.Context, s *testbed, d document) error {
	p, err := lvsmark.PlanSpec(ctx, lvsmark.Known(d.spec), lvsmark.Options{NetNS: s.director.Path()})
	if err == nil {
		_, err = lvsmark.Apply(ctx, p)
	}
	return err
}

// throughEngineNoWrite applies where there is nothing to do, and fails where the
// ruleset's generation moves: even a write that changes nothing moves it.
func throughEngineNoWrite(ctx context.Context, s *testbed, d document) error {
	before, err := s.director.Snapshot()
	if err != nil {
		return err
	}
	if err := throughEngine(ctx, s, d); err != nil {
		return err
	}
	after, err := s.director.Snapshot()
	if err == nil && after.Generation != before.Generation {
		err = fmt.Errorf("apply with nothing to do moved the ruleset's generation from %d to %d", before.Generation, after.Generation)
	}
	return err
}

// rulesetOnly commits the ruleset without the settings, some of which need IPVS.
func rulesetOnly(_ context.Context, s *testbed, d document) error { return s.director.Commit(d.spec) }

// throughProgram applies with the lvsmark binary.
func throughProgram(program string) applyFunc {
	return func(_ context.Context, s *testbed, d document) error {
		_, err := s.director.Run(d.yaml, program, "-c", "-", "apply")
		return err
	}
}

// fromOtherPriority gives the chains that mark another priority, which no
// spec can, and applies.
func fromOtherPriority(ctx context.Context, s *testbed, d document) error {
	before, err := s.director.Snapshot()
	if err != nil {
		return err
	}
	moved := &nft.Ruleset{}
	for _, t := range before.Tables {
		table := *t
		table.Chains = nil
		for _, c := range t.Chains {
			chain := *c
			if chain.Type != "" && chain.Hook == unix.NF_INET_PRE_ROUTING {
				chain.Priority -= 10
			}
			table.Chains = append(table.Chains, &chain)
		}
		moved.Tables = append(moved.Tables, &table)
	}
	if err := s.director.CommitRuleset(moved); err != nil {
		return err
	}
	return throughEngine(ctx, s, d)
}

// inOneTransaction deletes and loads the table in one run of `nft -f`, as is common.
func inOneTransaction(_ context.Context, s *testbed, d document) error {
	text := nft.Compile(d.spec).String()
	return s.director.Load(deletions(d) + text)
}

// inTwoTransactions deletes the table, and then loads it.
func inTwoTransactions(_ context.Context, s *testbed, d document) error {
	if err := s.director.Load(deletions(d)); err != nil {
		return err
	}
	return s.director.Load(nft.Compile(d.spec).String())
}

func deletions(d document) string {
	var text strings.Builder
	for _, t := range nft.Compile(d.spec).Tables {
		fmt.Fprintf(&text, "delete %s\n", t)
	}
	return text.String()
}
