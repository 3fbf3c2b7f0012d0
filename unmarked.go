package lvsmark

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// Unmarked returns the tables that the plan takes over although they lack lvsmark's comment,
// for Options.Unmarked of a checkpoint: "ip lvsmark".
func (p *Plan) Unmarked() []string { return p.opts.Unmarked }

// tableNames returns the tables of Options.Unmarked.
func tableNames(unmarked []string) []nft.TableName {
	var names []nft.TableName
	for _, text := range unmarked {
		for _, family := range nft.Families() {
			if name, ok := strings.CutPrefix(text, family.String()+" "); ok {
				names = append(names, nft.TableName{Family: family, Name: name})
			}
		}
	}
	return names
}

// isUnmarkedName reports whether a table of another program has the name and family of
// lvsmark's tables.
func isUnmarkedName(t nft.TableName, spec *config.Spec) bool {
	return t.Name == spec.Director.Table && slices.Contains(nft.Families(), t.Family)
}

// adoptTables returns the ruleset with the tables that nft has loaded without lvsmark's
// comment, if it is certain that they are lvsmark's; see isAdopted. If other tables have a
// desired name, it returns an error.
func (e *engine) adoptTables(ruleset *nft.Snapshot, want *Desired) (*nft.Snapshot, error) {
	names := slices.DeleteFunc(slices.Clone(ruleset.Foreign), func(t nft.TableName) bool { return !isUnmarkedName(t, want.spec) })
	if len(names) == 0 {
		return ruleset, nil
	}
	e.Adopt(names...)
	now, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	e.opts.Unmarked = nil
	for _, t := range now.Tables {
		switch err := isAdopted(t, want); {
		case t.Owned():
		case err == nil:
			e.opts.Unmarked = append(e.opts.Unmarked, t.Family.String()+" "+t.Name)
		case want.ruleset.Table(t.Family, t.Name) != nil:
			return nil, err
		case t.HasOwnForm():
			want.notes = append(want.notes, fmt.Sprintf("%s stays: %v", t, err))
		}
	}
	e.Adopt(tableNames(e.opts.Unmarked)...)
	return e.Snapshot()
}

// isAdopted returns nil for a table that is lvsmark's, otherwise an error. A table without
// lvsmark's comment is lvsmark's if it has the name of the spec, and if it matches the spec,
// or if the operator adopts it and it consists only of what lvsmark creates.
func isAdopted(t *nft.Table, want *Desired) error {
	desired := want.ruleset.Table(t.Family, t.Name)
	switch {
	case t.Owned(), desired != nil && t.MatchesExceptRecords(desired), want.adopt && t.HasOwnForm():
		return nil
	case !t.HasOwnForm():
		return foreignTable(t.TableName())
	}
	return fmt.Errorf("%s has rules of lvsmark but not its comment, which `nft -j -f` does not restore, and differs from the spec: take it over with `apply --adopt`, choose another name in director.table, or delete that table", t)
}

func foreignTable(t nft.TableName) error {
	return fmt.Errorf("%s exists and is not lvsmark's: choose another name in director.table, or delete that table", t)
}

// checkTables refuses a spec whose table belongs to another program. It checks adopted
// tables again, because another process may have changed them since.
func checkTables(live *nft.Snapshot, want *Desired) error {
	for _, t := range live.Tables {
		if err := isAdopted(t, want); err != nil {
			return err
		}
	}
	return checkForeignTables(live, want.ruleset)
}

// checkForeignTables refuses a ruleset with the name of another program's table.
func checkForeignTables(live *nft.Snapshot, desired *nft.Ruleset) error {
	for _, t := range desired.Tables {
		if slices.Contains(live.Foreign, t.TableName()) {
			return foreignTable(t.TableName())
		}
	}
	return nil
}

// planRemoval plans to remove everything that the ledger records.
func (e *engine) planRemoval(ctx context.Context) (*Plan, error) {
	unmarked, err := e.Unmarked()
	if err != nil {
		return nil, err
	}
	want := nothing()
	for _, t := range unmarked {
		want.notes = append(want.notes, unmarkedNote(t))
	}
	return e.planState(ctx, want)
}

// unmarkedNote describes a table that delete does not remove, and the records in it.
func unmarkedNote(t *nft.Table) string {
	ledger := (&nft.Ruleset{Tables: []*nft.Table{t}}).Ledger()
	records := slices.Sorted(maps.Keys(ledger.Settings))
	for _, key := range slices.SortedFunc(slices.Values(boundKeys(ledger)), ipvs.Key.Compare) {
		records = append(records, "service "+key.String())
	}
	note := fmt.Sprintf("%s stays: it has rules of lvsmark but not its comment, which `nft -j -f` does not restore; `lvsmark apply --adopt` takes it over, then delete removes it", t)
	if len(records) > 0 {
		note += ", with what it records: " + truncate(records)
	}
	return printable.Line(note)
}

// ErrForeignSync means that a sync daemon of another program runs.
var ErrForeignSync = errors.New("sync daemon is not lvsmark's")

// checkSyncOwner refuses to change a daemon that is not in the ledger, unless the operator
// adopts it. One that equals the spec and works is taken over.
func checkSyncOwner(have *State, want *Desired, s config.Setting) error {
	now := have.settings[s.Name]
	_, recorded := have.ledger.Settings[s.Name]
	if !config.IsSyncSetting(s.Name) || recorded || want.adopt || now.value == config.SyncOff || now.value == s.Value && now.fault == "" {
		return nil
	}
	difference := cmp.Or(now.fault, "differs from the spec")
	state := syncState(s.Name)
	return fmt.Errorf("%w: the %s daemon runs as %q and %s; take it over with `apply --adopt`, stop it with `ipvsadm --stop-daemon %[2]s` (or in the program that started it, such as keepalived), or leave sync out of the spec", ErrForeignSync, state, now.value, difference)
}

// syncPrevious completes the ledger entry of a daemon without a previous value, which was taken
// over unchanged as lvsmark takes over a service: delete stops it.
func syncPrevious(name string, entry nft.Setting) nft.Setting {
	if config.IsSyncSetting(name) && !entry.Changed {
		entry.Previous, entry.Changed = config.SyncOff, true
	}
	return entry
}
