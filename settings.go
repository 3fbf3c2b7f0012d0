package lvsmark

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A settingChange is a sysctl or an IPVS timeout that gets another value.
type settingChange struct{ name, before, after string }

// A settingsPlan is what becomes of sysctls and IPVS timeouts.
type settingsPlan struct {
	set, putBack []settingChange
	ledger       map[string]nft.Setting // afterwards
}

// compareSettings finds the settings to change, and those that the spec no
// longer names: they get the value back that they had before lvsmark, unless
// somebody else changed them meanwhile.
func compareSettings(want []config.Setting, old nft.Ledger, notes *[]string) (settingsPlan, error) {
	p := settingsPlan{ledger: map[string]nft.Setting{}}
	for _, s := range want {
		now, err := ipvs.ReadSetting(s.Name)
		if err != nil {
			return p, err
		}
		entry := old.Settings[s.Name]
		entry.Value = s.Value
		if !ipvs.EqualValues(now, s.Value) {
			p.set = append(p.set, settingChange{s.Name, now, s.Value})
			if !entry.Changed {
				entry.Former, entry.Changed = now, true
			}
			if len(entry.Former) > nft.FormerLimit {
				return p, fmt.Errorf("%s: its present value is %d bytes long, and delete could not put it back: more than %d do not fit the ledger; set it by other means", s.Name, len(now), nft.FormerLimit)
			}
		}
		p.ledger[s.Name] = entry
	}
	for _, name := range slices.Sorted(maps.Keys(old.Settings)) {
		entry := old.Settings[name]
		if _, wanted := p.ledger[name]; wanted || !entry.Changed {
			continue
		}
		now, err := ipvs.ReadSetting(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ipvs.ErrNoIPVS):
			*notes = append(*notes, fmt.Sprintf("%s cannot be put back to %s: %v", name, entry.Former, err))
		case err != nil:
			return p, err
		case ipvs.EqualValues(now, entry.Former):
		case ipvs.EqualValues(now, entry.Value):
			p.putBack = append(p.putBack, settingChange{name, now, entry.Former})
		default:
			*notes = append(*notes, fmt.Sprintf("%s is left at %s: somebody else set that after lvsmark set %s", name, now, entry.Value))
		}
	}
	return p, nil
}
