// Package director has the checks of doctor on a director.
package director

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

// A Subject is what the checks look at.
type Subject struct {
	*host.Host
	Spec *config.Spec
}

// A check is one of Checks.
type check = doctor.Check[*Subject]

// Commands of remedies.
const (
	apply   = "lvsmark apply"
	inSpec  = "in the spec: "
	vsNames = "net.ipv4.vs."
)

// Checks returns the checks in the order of their output.
func Checks() []check {
	lists := [][]check{kernelChecks(), bootChecks(), routingChecks(), rulesetChecks(), ipvsChecks(), portChecks(), capacityChecks(), serverChecks()}
	var all []check
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// findings returns the hostcheck findings of one check.
func (s *Subject) findings(name string) (list []doctor.Finding, err error) {
	for _, f := range s.Settings {
		switch {
		case f.Check != name:
		case f.Err != nil:
			return list, f.Err
		default:
			command := f.Command
			if command == "" {
				command = f.Remedy
			}
			list = append(list, doctor.Finding{Text: f.What, Command: command})
		}
	}
	return list, nil
}

// ofHostcheck is the Run of a check that package hostcheck makes.
func ofHostcheck(name string) func(*Subject) ([]doctor.Finding, error) {
	return func(s *Subject) ([]doctor.Finding, error) { return s.findings(name) }
}

// clusters yields the clusters.
func (s *Subject) clusters(yield func(*config.Cluster) bool) {
	for i := range s.Spec.Clusters {
		if !yield(&s.Spec.Clusters[i]) {
			return
		}
	}
}

// clustersWhere returns the names of the clusters for which the condition holds.
func (s *Subject) clustersWhere(holds func(*config.Cluster) bool) (names []string) {
	for c := range s.clusters {
		if holds(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

// sets reports whether the spec sets the sysctl, so that apply owns it.
func (s *Subject) sets(name string) (value string, ok bool) {
	for _, setting := range s.Spec.Settings() {
		if setting.Name == name {
			return setting.Value, true
		}
	}
	return "", false
}

// setting returns a finding about a sysctl that must have another value. If the spec has
// that value, apply sets it.
func (s *Subject) setting(text, name, want string) doctor.Finding {
	switch value, ok := s.sets(name); {
	case ok && value == want:
		return doctor.Finding{Text: text, Command: apply, Apply: true}
	case strings.HasPrefix(name, vsNames) || ok:
		return doctor.Finding{Text: text, Command: fmt.Sprintf("%sdirector.sysctls: {%s: %s}", inSpec, name, want)}
	}
	return doctor.Finding{Text: text, Command: fmt.Sprintf("sysctl -w %s=%s", name, want)}
}

// listed joins names, at most a few of them.
func listed(names []string) string { return lookup.Listed(names) }
