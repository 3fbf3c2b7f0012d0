package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/nft"
)

// A way makes the director's tables those of the spec.
type way func(context.Context, *stage, document) error

// throughEngine applies as `lvsmark apply` does, without a process for it.
func throughEngine(ctx context.Context, s *stage, d document) error {
	p, err := lvsmark.PlanSpec(ctx, lvsmark.Known(d.spec), lvsmark.Options{NetNS: s.director.Path()})
	if err == nil {
		_, err = lvsmark.Apply(ctx, p)
	}
	return err
}

// withoutWriting applies where there is nothing to do, and fails where the
// ruleset's generation moves: even a write that changes nothing moves it.
func withoutWriting(ctx context.Context, s *stage, d document) error {
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

// throughProgram runs lvsmark.
func throughProgram(program string) way {
	return func(_ context.Context, s *stage, d document) error {
		_, err := s.director.Run(d.yaml, program, "-c", "-", "apply")
		return err
	}
}

// behindAnotherPriority gives the chains that mark another priority, which no
// spec can, and applies.
func behindAnotherPriority(ctx context.Context, s *stage, d document) error {
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

// inOneTransaction is what `nft -f` is mostly fed: the whole table anew.
func inOneTransaction(_ context.Context, s *stage, d document) error {
	text := nft.Compile(d.spec).String()
	return s.director.Load(deletions(d) + text)
}

// oneByOne deletes the table, and loads it afterwards.
func oneByOne(_ context.Context, s *stage, d document) error {
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
