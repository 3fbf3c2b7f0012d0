package lvsmark

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
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

// A StalePlanError says that a plan file is out of date: what moved since it was
// made. Nothing was changed.
type StalePlanError struct {
	Moved []string
}

func (e *StalePlanError) Error() string {
	lines := make([]string, len(e.Moved))
	for i, what := range e.Moved {
		lines[i] = "the plan is out of date: " + what
	}
	return strings.Join(append(lines, "nothing was changed; make the plan anew with `lvsmark plan`"), "\n")
}

// Plan plans to do precisely what the plan file says, or returns a *StalePlanError.
// The caller has read the spec that the plan file names, and gives its digest. Apply
// compares again where the kernel is changed meanwhile.
func (s *SavedPlan) Plan(ctx context.Context, spec *config.Spec, digest SpecDigest, opts Options) (*Plan, error) {
	opts.Saves = true
	return planning(ctx, opts, func(e *engine) (*Plan, error) {
		p, err := e.planSpec(ctx, Known(spec))
		if err != nil {
			return nil, err
		}
		return p.checked(&fileCheck{s, digest})
	})
}

// A fileCheck is a plan file that plans have to match, and the digest of the spec that
// they are made of.
type fileCheck struct {
	saved *SavedPlan
	spec  SpecDigest
}

// checked returns the plan when it matches the plan file; nil: there is none.
func (p *Plan) checked(f *fileCheck) (*Plan, error) {
	if f == nil {
		return p, nil
	}
	now, then := p.digest(), f.saved.Kernel
	var moved []string
	if f.spec.SHA256 != f.saved.Spec.SHA256 {
		moved = append(moved, fmt.Sprintf("%s was edited since", f.spec.File))
	}
	if now.Generation != then.Generation {
		moved = append(moved, fmt.Sprintf("the nftables ruleset was changed since, by any process: it is of generation %d, the plan was made of %d", now.Generation, then.Generation))
	}
	if now.IPVS != then.IPVS {
		moved = append(moved, "an IPVS service or real server was changed since")
	}
	if moved = append(moved, movedChanges(f.saved.Changes, p.Changes())...); len(moved) > 0 {
		return nil, &StalePlanError{moved}
	}
	p.file = f
	return p, nil
}

// movedLimit is how many changes are told one by one.
const movedLimit = 10

// movedChanges tells where the changes that are needed now differ from those of
// the plan.
func movedChanges(planned, now []Change) []string {
	lines := append(missing(planned, now, "no longer to be done: "), missing(now, planned, "to be done besides: ")...)
	if more := len(lines) - movedLimit; more > 0 {
		lines = append(lines[:movedLimit], fmt.Sprintf("and %d more", more))
	}
	return lines
}

func missing(changes, in []Change, prefix string) []string {
	known := make(map[Change]int, len(in))
	for _, c := range in {
		c.Impact = impact.Impact{} // connections come and go
		known[c]++
	}
	var lines []string
	for _, c := range changes {
		c.Impact = impact.Impact{}
		if known[c]--; known[c] < 0 {
			lines = append(lines, prefix+c.String())
		}
	}
	return lines
}
