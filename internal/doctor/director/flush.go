package director

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/doctor"
)

const nftablesUnit = "nftables.service"

func flushRuleset(s *Subject) ([]doctor.Finding, error) {
	if !s.Enabled(nftablesUnit) {
		return nil, nil
	}
	text := s.Unit(unitName)
	ordered := s.orderedAfter(nftablesUnit)
	follows := s.Enabled(unitName) && ordered
	mend := s.enable()
	if text != "" && !ordered {
		mend = dropIn("order", "After="+nftablesUnit) + " && " + mend
	}
	start, stop := s.flushes()
	switch at := slices.Concat(start, stop); {
	case len(start) > 0 && !follows:
		return one(fmt.Sprintf("%s: %s flushes the ruleset, and %s is not started after it", start[0], nftablesUnit, unitName), mend), nil
	case len(at) > 0 && !names(text, "PartOf", nftablesUnit) && !names(text, "ReloadPropagatedFrom", nftablesUnit):
		return one(fmt.Sprintf("%s: a restart of %s flushes the ruleset, and %s has no PartOf=%[2]s: it does not apply the spec again", at[0], nftablesUnit, unitName),
			dropIn("nftables", "PartOf="+nftablesUnit, "ReloadPropagatedFrom="+nftablesUnit)), nil
	}
	return nil, nil
}

// flushes returns the lines and commands by which nftables.service flushes the ruleset when it
// starts, and when it stops or is reloaded.
func (s *Subject) flushes() (start, stop []string) {
	for _, l := range s.Lines(s.nftFiles()...) {
		if isFlush(l.Text) {
			start = append(start, l.String())
		}
	}
	for _, c := range s.commands(nftablesUnit) {
		switch {
		case !isFlush(strings.Join(c.nftWords(), " ")):
		case strings.HasPrefix(c.key, "ExecStart"):
			start = append(start, c.String())
		default:
			stop = append(stop, c.String())
		}
	}
	return start, stop
}

// isFlush reports whether a line has a statement that deletes the tables of IPv4 or IPv6.
func isFlush(line string) bool {
	for statement := range strings.SplitSeq(line, ";") {
		words := strings.Fields(statement)
		if len(words) < 2 || words[0] != "flush" || words[1] != "ruleset" {
			continue
		}
		if len(words) == 2 || words[2] == "ip" || words[2] == "ip6" {
			return true
		}
	}
	return false
}

// nftFiles returns the files that nftables.service loads, with what they include. If the unit
// names none, they are those of distributions.
func (s *Subject) nftFiles() (files []string) {
	for _, c := range s.commands(nftablesUnit) {
		words := c.nftWords()
		for i, word := range words[:max(0, len(words)-1)] {
			if strings.HasPrefix(c.key, "ExecStart") && (word == "-f" || word == "--file") {
				files = s.withIncluded(files, strings.TrimPrefix(words[i+1], "/"))
			}
		}
	}
	if len(files) == 0 {
		for _, name := range []string{"etc/nftables.conf", "etc/sysconfig/nftables.conf"} {
			files = s.withIncluded(files, name)
		}
	}
	return files
}

// withIncluded adds a file and those that it includes. nft looks up a relative name in /etc.
func (s *Subject) withIncluded(files []string, name string) []string {
	if slices.Contains(files, name) {
		return files
	}
	files = append(files, name)
	for _, l := range s.Lines(name) {
		for statement := range strings.SplitSeq(l.Text, ";") {
			words := strings.SplitN(strings.TrimSpace(statement), " ", 2)
			if len(words) < 2 || words[0] != "include" {
				continue
			}
			pattern := strings.Trim(strings.TrimSpace(words[1]), `"'`)
			if !path.IsAbs(pattern) {
				pattern = path.Join("/etc", pattern)
			}
			for _, included := range s.Glob(strings.TrimPrefix(path.Clean(pattern), "/")) {
				files = s.withIncluded(files, included)
			}
		}
	}
	return files
}
