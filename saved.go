package lvsmark

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// SavedPlanVersion is the version of the plan files that this lvsmark writes,
// and the only one that it applies.
const SavedPlanVersion = 1

// A SavedPlan is a plan to be read by people and applied later, as it stands in
// a plan file.
type SavedPlan struct {
	Version  int          `json:"version"`
	Changed  bool         `json:"changed"` // whether it holds any change
	NetNS    string       `json:"netns,omitempty"`
	Adopt    bool         `json:"adopt,omitempty"`
	Spec     SpecDigest   `json:"spec"`
	Kernel   KernelDigest `json:"kernel"`
	Changes  []Change     `json:"changes"`
	Notes    []string     `json:"notes"`
	Warnings []string     `json:"warnings"`
	After    After        `json:"after"`
}

// A SpecDigest says which spec a plan was made of.
type SpecDigest struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"` // of the file's bytes, in hexadecimal
}

// A KernelDigest says of what state of the kernel a plan was made.
type KernelDigest struct {
	Generation uint32 `json:"nftables_generation"`   // every change of the ruleset adds to it, whoever makes it
	IPVS       string `json:"ipvs_sha256,omitempty"` // see ipvs.Conn.Digest; empty: the spec has no use for IPVS
}

// After is what the kernel holds of lvsmark's once the plan is applied.
type After struct {
	NFTables string `json:"nftables"` // as `nft list table` prints it
	IPVS     string `json:"ipvs"`     // as `ipvsadm -Sn` prints it, but for the order
}

// Save returns a record of the plan, which Options.Saves announced. The caller says
// what file the spec is from.
func (p *Plan) Save(digest SpecDigest) *SavedPlan {
	return &SavedPlan{
		Version: SavedPlanVersion, Changed: len(p.Changes()) > 0, NetNS: p.opts.NetNS, Adopt: p.opts.Adopt,
		Spec: digest, Kernel: p.digest(),
		Changes: append([]Change{}, p.Changes()...), Notes: append([]string{}, p.notes...),
		Warnings: append([]string{}, p.warnings...),
		After:    p.after(),
	}
}

// digest is that of the kernel as the plan found it, apart from the lock.
func (p *Plan) digest() KernelDigest {
	d := KernelDigest{Generation: p.live.Generation, IPVS: p.state.digest}
	if lock := p.opts.LockToken; lock != nil && d.Generation == lock.After {
		d.Generation = lock.Before // all that changed it is the lock itself
	}
	return d
}

func (p *Plan) after() After {
	ruleset := &p.live.Ruleset
	for _, next := range []*nft.Ruleset{p.intent, p.active, p.settled} {
		ruleset = nft.Arranged(ruleset, next)
	}
	return After{NFTables: ruleset.String(), IPVS: ipvs.Text(p.want)}
}

// WriteTo writes the plan as a plan file.
func (s *SavedPlan) WriteTo(w io.Writer) (int64, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return 0, err
	}
	n, err := w.Write(append(text, '\n'))
	return int64(n), err
}

// ReadPlan reads a plan file. It takes none that holds what it does not know.
func ReadPlan(r io.Reader) (*SavedPlan, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	s := &SavedPlan{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("no plan of lvsmark's: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("no plan of lvsmark's: there is more behind it")
	}
	switch {
	case s.Version != SavedPlanVersion:
		return nil, fmt.Errorf("a plan of version %d: this lvsmark applies version %d; make it anew with `lvsmark plan`", s.Version, SavedPlanVersion)
	case s.Changed != (len(s.Changes) > 0):
		return nil, errors.New("no plan of lvsmark's: its changed contradicts its changes")
	}
	return s, nil
}
