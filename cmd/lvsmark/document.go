package main

import "github.com/lvsmark/lvsmark"

// documentVersion is the "version" of every JSON document. It changes when a
// member is removed or changes its meaning, not when one is added.
const documentVersion = 1

// A changesDocument is the JSON output of diff, plan, apply and delete.
type changesDocument struct {
	Version  int              `json:"version"`
	Changes  []lvsmark.Change `json:"changes"`
	Notes    []string         `json:"notes"`
	Warnings []string         `json:"warnings"`
	Changed  bool             `json:"changed"`

	Confirmed bool `json:"confirmed,omitempty"` // apply --confirm only
}

func newChangesDocument(result changeSet) changesDocument {
	return changesDocument{
		Version:  documentVersion,
		Changes:  append([]lvsmark.Change{}, result.Changes()...), // never null
		Notes:    append([]string{}, result.Notes()...),
		Warnings: append([]string{}, result.Warnings()...),
		Changed:  len(result.Changes()) > 0,
	}
}

// A renderDocument is the JSON output of render.
type renderDocument struct {
	Version int    `json:"version"`
	Target  string `json:"target"`
	Text    string `json:"text"`
}

// A confirmDocument is the JSON output of confirm.
type confirmDocument struct {
	Version   int  `json:"version"`
	Confirmed bool `json:"confirmed"`
}
