package director

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A manager is a program that makes IPVS services.
type manager struct {
	name, unit, process string
	files               []string
}

func knownManagers() []manager {
	return []manager{
		{"keepalived", "keepalived.service", "keepalived", []string{keepalivedFile}},
		{"ipvsadm.service", "ipvsadm.service", "", []string{"etc/ipvsadm.rules", "etc/sysconfig/ipvsadm"}},
		{"ldirectord", "ldirectord.service", "ldirectord", []string{"etc/ha.d/ldirectord.cf", "etc/ldirectord.cf"}},
		{"Piranha", "pulse.service", "lvsd", []string{"etc/sysconfig/ha/lvs.cf"}},
	}
}

// managers finds programs that are started at boot or run, and whose files have services of
// the spec. With bind: false one such program is right.
func managers(s *Subject) (found []doctor.Finding, err error) {
	allowed := 0
	if !s.Spec.Director.Bind {
		allowed = 1
	}
	for _, m := range knownManagers() {
		if !s.starts(m) && (m.process == "" || !slices.Contains(s.Processes, m.process)) {
			continue
		}
		service, problem := s.sameService(m)
		if problem != nil {
			err = problem
		}
		if service == "" {
			found = append(found, s.clears(m)...)
			continue
		}
		found = append(found, doctor.Finding{
			Text:    fmt.Sprintf("%s manages %s, which the spec has too", m.name, service),
			Command: fmt.Sprintf("systemctl disable --now %s, or remove the service from its file, or %sdirector.bind: false", m.unit, inSpec),
		})
	}
	if len(found) <= allowed {
		return nil, err
	}
	return found, err
}

// starts reports whether the manager makes services at boot. The script of Debian's ipvsadm does so
// with AUTO="true" only.
func (s *Subject) starts(m manager) bool {
	const defaults = "etc/default/ipvsadm"
	if m.process == "" && len(s.Exists(defaults)) > 0 && !s.isAutomatic(defaults) {
		return false
	}
	return s.Enabled(m.unit)
}

// clears returns the finding of ipvsadm.service, which has nothing in common with the spec: it deletes
// all services, at its start (Debian) and its stop (RHEL too).
func (s *Subject) clears(m manager) []doctor.Finding {
	if m.process != "" || !s.Spec.Director.Bind {
		return nil
	}
	return one(m.unit+" deletes all services of IPVS when it starts or stops, those of the spec too", "systemctl disable "+m.unit)
}

// isAutomatic reports whether the last assignment to AUTO in a file of shell variables is true.
func (s *Subject) isAutomatic(name string) (automatic bool) {
	for _, l := range s.Lines(name) {
		if value, ok := strings.CutPrefix(l.Text, "AUTO="); ok {
			automatic = strings.Trim(value, `"'`) == "true"
		}
	}
	return automatic
}

// sameService returns the first service of the manager's files that the spec has too.
func (s *Subject) sameService(m manager) (string, error) {
	files := m.files
	if m.process == "keepalived" {
		files = s.keepalivedFiles(m)
	}
	for _, name := range s.Exists(files...) {
		if len(s.Lines(name)) == 0 {
			continue // Debian's ipvsadm.rules as installed: comments only, of no language
		}
		c, err := importer.ReadAll([]importer.File{{Name: "/" + name, Text: s.ReadFile(name)}})
		if err != nil {
			return "", err
		}
		for _, service := range c.Services {
			if s.serves(service) {
				return fmt.Sprintf("the service of %s", service.Line), nil
			}
		}
	}
	return "", nil
}

// serves reports whether the spec has a service with the mark or the address.
func (s *Subject) serves(service *oldconfig.Service) bool {
	for _, b := range s.Spec.Bindings(service.Family) {
		if service.Mark != 0 && b.Mark == service.Mark {
			return true
		}
		if service.Mark == 0 && hasAddress(b.VIPs, service.Address.Addr()) && meetsPort(b.Ports, service.Protocol, service.Address.Port()) {
			return true
		}
	}
	return false
}

// meetsPort reports whether a port is one of the ranges. Port 0 is any.
func meetsPort(ports []config.PortRange, p config.Protocol, port uint16) bool {
	if port == 0 {
		return true
	}
	return slices.ContainsFunc(ports, config.PortRange{Protocol: p, Low: port, High: port}.Meets)
}
