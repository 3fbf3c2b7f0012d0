package lvsmark

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// readSetting returns the value that a setting has in the calling thread's network
// namespace, with white space as sysctl.Equal has it. The error of a sysctl that is
// not there wraps fs.ErrNotExist and names what would bring it; that of a timeout is
// as of ipvs.Open.
func readSetting(name string) (string, error) {
	if isTimeout(name) {
		return readTimeout(name)
	}
	return sysctl.Read(name)
}

// writeSetting sets a value in the calling thread's network namespace. It is an error
// if the kernel then holds another one: each apply would write it again.
func writeSetting(name, value string) error {
	if isTimeout(name) {
		return writeTimeout(name, value)
	}
	return sysctl.Write(name, value)
}

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
		now, err := readSetting(s.Name)
		if err != nil {
			return p, err
		}
		entry := old.Settings[s.Name]
		entry.Value = s.Value
		if !sysctl.Equal(now, s.Value) {
			p.set = append(p.set, settingChange{s.Name, now, s.Value})
			if !entry.Changed {
				entry.Previous, entry.Changed = now, true
			}
			if len(entry.Previous) > nft.PreviousLimit {
				return p, fmt.Errorf("%s: its present value is %d bytes long, and delete could not put it back: more than %d do not fit the ledger; set it by other means", s.Name, len(now), nft.PreviousLimit)
			}
		}
		p.ledger[s.Name] = entry
	}
	for _, name := range slices.Sorted(maps.Keys(old.Settings)) {
		entry := old.Settings[name]
		if _, wanted := p.ledger[name]; wanted || !entry.Changed {
			continue
		}
		now, err := readSetting(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ipvs.ErrNoIPVS):
			*notes = append(*notes, fmt.Sprintf("%s cannot be put back to %s: %v", name, entry.Previous, err))
		case err != nil:
			return p, err
		case sysctl.Equal(now, entry.Previous):
		case sysctl.Equal(now, entry.Value):
			p.putBack = append(p.putBack, settingChange{name, now, entry.Previous})
		default:
			*notes = append(*notes, fmt.Sprintf("%s is left at %s: somebody else set that after lvsmark set %s", name, now, entry.Value))
		}
	}
	return p, nil
}
