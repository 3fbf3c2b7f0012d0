package lvsmark

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/strictjson"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// SavedPlanVersion is the only version of plan files that this lvsmark writes and applies.
const SavedPlanVersion = 1

// A SavedPlan is the content of a plan file.
type SavedPlan struct {
	Version  int          `json:"version"`
	Changed  bool         `json:"changed"` // whether Changes is not empty
	NetNS    string       `json:"netns,omitempty"`
	Adopt    bool         `json:"adopt,omitempty"`
	Spec     SpecDigest   `json:"spec"`
	Kernel   KernelDigest `json:"kernel"`
	Changes  []Change     `json:"changes"`
	Notes    []string     `json:"notes"`
	Warnings []string     `json:"warnings"`
	After    After        `json:"after"`
	SHA256   string       `json:"sha256"` // of all other members, see sum
}

// A SpecDigest identifies the spec of a plan.
type SpecDigest struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"` // of the file's bytes, in hexadecimal
}

// A KernelDigest identifies the state of the kernel for which a plan was made.
type KernelDigest struct {
	Generation uint32 `json:"nftables_generation"`   // any change of the ruleset by any process increases it
	IPVS       string `json:"ipvs_sha256,omitempty"` // see ipvs.Conn.Digest; empty: the spec does not need IPVS
}

// After is the desired tables and services as text.
type After struct {
	NFTables string `json:"nftables"` // as `nft list table` prints it
	IPVS     string `json:"ipvs"`     // as `ipvsadm -Sn` prints it, except for the order
}

// Save returns the content of a plan file. The plan must be made with Options.Saves, from
// the spec that the digest identifies.
func (p *Plan) Save(digest SpecDigest) *SavedPlan {
	s := &SavedPlan{
		Version: SavedPlanVersion, Changed: len(p.Changes()) > 0, NetNS: p.opts.NetNS, Adopt: p.opts.Adopt,
		Spec: digest, Kernel: p.digest(),
		Changes: append([]Change{}, p.Changes()...), Notes: append([]string{}, p.notes...),
		Warnings: append([]string{}, p.warnings...),
		After:    p.after(),
	}
	s.SHA256 = s.sum()
	return s
}

// sum returns the SHA-256 of all other members in hexadecimal. It is computed from JSON
// without white space, so that formatting the file does not change it.
func (s *SavedPlan) sum() string {
	others := *s
	others.SHA256 = ""
	text, _ := json.Marshal(&others) // cannot fail: all values have a JSON form
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// digest returns the state of the kernel as it is without the lock.
func (p *Plan) digest() KernelDigest {
	d := KernelDigest{Generation: p.live.Generation, IPVS: p.state.digest}
	if lock := p.opts.LockToken; lock != nil && d.Generation == lock.After {
		d.Generation = lock.Before // only the lock changed it
	}
	return d
}

func (p *Plan) after() After {
	ruleset := &p.live.Ruleset
	for _, next := range []*nft.Ruleset{p.intent, p.active, p.settled} {
		ruleset = nft.InKernelOrder(ruleset, next)
	}
	return After{NFTables: ruleset.String(), IPVS: ipvs.Text(p.want)}
}

// WriteTo writes the plan as a plan file.
func (s *SavedPlan) WriteTo(w io.Writer) (int64, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return 0, err
	}
	n, err := io.WriteString(w, printable.JSON(text)+"\n")
	return int64(n), err
}

// planLimit is the maximum size of a plan file in bytes, the same as of a spec.
const planLimit = 64 << 20

// ReadPlan reads a plan file. Unknown members, and a file that was edited, are errors.
func ReadPlan(r io.Reader) (*SavedPlan, error) {
	limited := &io.LimitedReader{R: r, N: planLimit + 1}
	var text bytes.Buffer
	d := json.NewDecoder(io.TeeReader(limited, &text))
	d.DisallowUnknownFields()
	s := &SavedPlan{}
	err := d.Decode(s)
	more := err == nil && hasMore(d)
	switch {
	case limited.N == 0:
		return nil, errors.New("not a plan file of lvsmark: the file is over 64 MB")
	case err != nil:
		return nil, fmt.Errorf("not a plan file of lvsmark: %w", err)
	case more:
		return nil, errors.New("not a plan file of lvsmark: data after the plan")
	case s.Version != SavedPlanVersion:
		return nil, fmt.Errorf("a plan of version %d: this lvsmark applies version %d; make a new plan with `lvsmark plan`", s.Version, SavedPlanVersion)
	case s.SHA256 != s.sum() || s.Changed != (len(s.Changes) > 0) || strictjson.Check(text.Bytes(), s) != nil:
		return nil, errors.New("the plan was edited after `lvsmark plan` wrote it, so it is not what a reviewer read; make a new plan")
	}
	return s, nil
}

func hasMore(d *json.Decoder) bool {
	_, err := d.Token()
	return !errors.Is(err, io.EOF)
}

// A StalePlanError means that a plan file is out of date. Apply has changed nothing.
type StalePlanError struct {
	Reasons []string // what has changed since the plan was made
}

func (e *StalePlanError) Error() string {
	lines := make([]string, len(e.Reasons))
	for i, what := range e.Reasons {
		lines[i] = "the plan is out of date: " + what
	}
	return strings.Join(append(lines, "nothing was changed; make a new plan with `lvsmark plan`"), "\n")
}

// Plan returns the plan of the plan file, or a *StalePlanError. The spec must be the one
// that the plan file names. If the kernel changes before Apply, Apply returns a
// *StalePlanError too.
func (s *SavedPlan) Plan(ctx context.Context, spec *config.Spec, digest SpecDigest, opts Options) (*Plan, error) {
	if err := opts.checkPrivileges(); err != nil {
		return nil, err
	}
	opts.Saves = true
	return planning(ctx, opts, func(e *engine) (*Plan, error) {
		p, err := e.planSpec(ctx, Known(spec))
		if err != nil {
			return nil, err
		}
		return p.checked(&fileCheck{s, digest})
	})
}

// A fileCheck is a plan file that a plan must match, and the digest of the plan's spec.
type fileCheck struct {
	saved *SavedPlan
	spec  SpecDigest
}

// checked returns the plan if it matches the plan file, or if f is nil.
func (p *Plan) checked(f *fileCheck) (*Plan, error) {
	if f == nil {
		return p, nil
	}
	var reasons []string
	if f.spec.SHA256 != f.saved.Spec.SHA256 {
		reasons = append(reasons, fmt.Sprintf("%s was edited since", f.spec.File))
	}
	reasons = append(reasons, compareKernel(p.digest(), f.saved.Kernel, p.opts.Strict)...)
	reasons = append(reasons, compareChanges(f.saved.Changes, p.Changes())...)
	reasons = append(reasons, compareLines("note", f.saved.Notes, p.notes)...)
	reasons = append(reasons, compareLines("warning", f.saved.Warnings, p.warnings)...)
	if len(reasons) == 0 && f.saved.After != p.after() {
		reasons = append(reasons, "lvsmark's tables or services were changed since, by another process")
	}
	if len(reasons) > 0 {
		return nil, &StalePlanError{reasons}
	}
	p.file = f
	return p, nil
}

// compareKernel reports changes by any process since the plan file: in IPVS, and if strict
// in the ruleset.
func compareKernel(now, saved KernelDigest, strict bool) (reasons []string) {
	if strict && now.Generation != saved.Generation {
		reasons = append(reasons, fmt.Sprintf("the nftables ruleset was changed since, by any process: it has generation %d, the plan was made for generation %d", now.Generation, saved.Generation))
	}
	if now.IPVS != saved.IPVS {
		reasons = append(reasons, "an IPVS service or real server was changed since")
	}
	return reasons
}

// compareLines reports the notes or warnings that only the plan file or only the new plan
// has.
func compareLines(kind string, saved, now []string) (reasons []string) {
	for _, line := range saved {
		if !slices.Contains(now, line) {
			reasons = append(reasons, fmt.Sprintf("this %s no longer holds: %s", kind, line))
		}
	}
	for _, line := range now {
		if !slices.Contains(saved, line) {
			reasons = append(reasons, fmt.Sprintf("new %s: %s", kind, line))
		}
	}
	return reasons
}

// maxReasons bounds how many changes a StalePlanError lists.
const maxReasons = 10

// compareChanges compares the changes of the plan file with the changes needed now.
func compareChanges(planned, now []Change) []string {
	lines := append(missing(planned, now, "no longer needed: "), missing(now, planned, "needed in addition: ")...)
	if more := len(lines) - maxReasons; more > 0 {
		lines = append(lines[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// missing returns a line for each change that is not in the other list.
func missing(changes, in []Change, prefix string) []string {
	known := make(map[Change]int, len(in))
	for _, c := range in {
		c.Impact = impact.Impact{} // the number of connections varies
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
