package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// try runs the tests with one mutant.
func (l *lab) try(m *mutant, suites []*suite) (r result) {
	r.mutant = m
	var work string
	if work, r.err = os.MkdirTemp(l.work, "mutant-"); r.err != nil {
		return r
	}
	defer os.RemoveAll(work)
	mutated, overlay := filepath.Join(work, filepath.Base(m.file)), filepath.Join(work, "overlay.json")
	content, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(l.root, m.file): mutated}})
	if err != nil {
		r.err = err
		return r
	}
	if r.err = os.WriteFile(mutated, []byte(m.text()), 0o600); r.err != nil {
		return r
	}
	if r.err = os.WriteFile(overlay, content, 0o600); r.err != nil {
		return r
	}
	for _, s := range suites {
		killed, reached, err := s.kills(m, overlay, work)
		r.reached += reached
		if killed != "" || err != nil {
			r.killedBy, r.own, r.err = killed, s.tested == s.mutated, err
			return r
		}
	}
	r.refused = l.goCommand("vet", "-overlay", overlay, "./"+filepath.Dir(m.file)) != nil
	return r
}

// A result is what became of a mutant.
type result struct {
	mutant   *mutant
	killedBy string // a test, timeout or crash; empty: survived
	own      bool   // killed by a test of its own package
	reached  int    // tests that reach the mutant
	refused  bool   // go vet refuses the mutant
	err      error
}

func (r result) String() string {
	if r.killedBy != "" {
		return fmt.Sprintf("killed by %s: %s", r.killedBy, r.mutant)
	}
	return fmt.Sprintf("survived %d tests: %s", r.reached, r.mutant)
}
