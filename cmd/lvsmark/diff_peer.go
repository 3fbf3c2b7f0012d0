package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

const peerHint = "name the spec or the plan file of the other director with --peer"

// comparePeer compares the spec with that of the other director, or with its plan file.
func comparePeer(ctx context.Context, s streams, opts *options, file, out string) error {
	spec, _, err := opts.load(ctx, s)
	if err != nil {
		return err
	}
	name := inputName(file)
	found, err := interruptible(ctx, "reading "+name, func() ([]peer.Difference, error) {
		in, err := s.open(file)
		if err != nil {
			return nil, fmt.Errorf("%w; %s", err, peerHint)
		}
		defer in.Close()
		return peerDifferences(spec, name, bufio.NewReader(in))
	})
	if unreadable, ok := errors.AsType[*config.ReadError](err); ok {
		return fmt.Errorf("%w; %s", unreadable.Err, peerHint)
	} else if err != nil {
		return err
	}
	if err := s.toFile(ctx, out, "the differences", func(to streams) error { return to.printPeer(opts, name, found) }); err != nil {
		return err
	}
	if len(found) > 0 {
		return errDifference
	}
	return nil
}

// peerDifferences reads the peer's file: a plan file is JSON, a spec is not.
func peerDifferences(spec *config.Spec, file string, in *bufio.Reader) ([]peer.Difference, error) {
	begin, _ := in.Peek(64) // a read that failed fails again
	if !bytes.HasPrefix(begin, []byte("{")) || !bytes.Contains(begin, []byte(`"version":`)) {
		theirs, _, err := config.Parse(file, in)
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
