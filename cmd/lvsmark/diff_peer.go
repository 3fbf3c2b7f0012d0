package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/peer"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/nft"
)

// A peerDocument is the JSON output of diff --peer.
type peerDocument struct {
	Version     int               `json:"version"`
	Peer        string            `json:"peer"`
	Differences []peer.Difference `json:"differences"`
	Changed     bool              `json:"changed"`
}

// comparePeer compares the spec with that of the other director, or with its plan file.
func comparePeer(ctx context.Context, s streams, opts *options, file string) error {
	spec, _, err := opts.load(ctx, s)
	if err != nil {
		return err
	}
	found, err := interruptible(ctx, "reading "+file, func() ([]peer.Difference, error) { return peerDifferences(spec, file) })
	if err != nil {
		return err
	}
	if err := s.printPeer(opts, file, found); err != nil {
		return err
	}
	if len(found) > 0 {
		return errDifference
	}
	return nil
}

// peerDifferences reads the peer's file: a plan file is JSON, a spec is not.
func peerDifferences(spec *config.Spec, file string) ([]peer.Difference, error) {
	in, err := config.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var begin [64]byte
	n, _ := in.ReadAt(begin[:], 0)
	if !bytes.HasPrefix(begin[:n], []byte("{")) || !bytes.Contains(begin[:n], []byte(`"version":`)) {
		theirs, _, err := config.Load(file)
		if err != nil {
			return nil, err
		}
		return peer.Compare(spec, theirs), nil
	}
	plan, err := lvsmark.ReadPlan(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return peer.ComparePlan(spec, nft.Compile(spec).String(), peer.Plan{Ruleset: plan.After.NFTables, Services: plan.After.IPVS}), nil
}

func (s streams) printPeer(opts *options, file string, found []peer.Difference) error {
	if opts.output == formatJSON {
		return s.printJSON(peerDocument{documentVersion, file, append([]peer.Difference{}, found...), len(found) > 0})
	}
	if len(found) == 0 {
		return s.print("no difference\n")
	}
	var b strings.Builder
	for _, d := range found {
		b.WriteString(printable.Line(d.String()) + "\n")
	}
	return s.print(b.String())
}
